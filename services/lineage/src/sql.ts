/**
 * Names and texts inside generated SQL. Where a statement takes parameters they are bound by the server instead; definitions of users, policies
 * and tables take none.
 */

/** A name or text that no SQL can hold. The message does not quote it. */
export class SqlTextError extends Error {
  override readonly name = 'SqlTextError';
  readonly code = 'invalid_sql_text';
}

/** ClickHouse reads backslash escapes in both kinds of quotes: these three are all that could end one, or change what follows. */
function escaped(text: string): string {
  // Half a surrogate pair would be sent as the replacement character: two names could become one.
  if (!text.isWellFormed()) throw new SqlTextError('A name or text for SQL is no valid Unicode: it holds half a surrogate pair');
  return text.replace(/[\\'`]/g, '\\$&').replaceAll('\0', '\\0');
}

/** A string literal. Throws SqlTextError. */
export function quoteText(text: string): string {
  return `'${escaped(text)}'`;
}

/** The name of a table, column, user, role or cluster. Throws SqlTextError. */
export function quoteName(name: string): string {
  if (name === '') throw new SqlTextError('A name for SQL is empty');
  return `\`${escaped(name)}\``;
}
