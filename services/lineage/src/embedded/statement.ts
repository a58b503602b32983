/** From an HTTP request, as ClickHouse's interface has it, to a statement that the in-process engine runs. Pure. */
import { quoteName, quoteText } from '../sql.ts';

/** Formats without header, footer or separators between blocks: the engine's chunks, one after another, are the whole. */
const CHUNKABLE_FORMATS: ReadonlySet<string> = new Set([
  'JSONEachRow',
  'JSONLines',
  'NDJSON',
  'JSONCompactEachRow',
  'JSONStringsEachRow',
  'JSONCompactStringsEachRow',
  'CSV',
  'TSV',
  'TabSeparated',
  'TSVRaw',
  'TabSeparatedRaw',
  'RowBinary',
]);

/** Parameters of the HTTP interface that are no settings of the engine. */
const INTERFACE_PARAMETERS: ReadonlySet<string> = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'user',
  'password',
  'session_id',
  'session_timeout',
  'session_check',
  'role',
  'quota_key',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'stacktrace',
  'log_comment',
  'enable_http_compression',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'cancel_http_readonly_queries_on_client_close',
]);

export interface InsertTarget {
  readonly table: string;
  readonly columns?: readonly string[];
  readonly format: string;
}

export interface Statement {
  readonly sql: string;
  /** Rows of an INSERT whose text came apart from them. */
  readonly data: Buffer | undefined;
  /** Set where the rows can be handed to the engine as bytes. */
  readonly insert: InsertTarget | undefined;
  readonly kind: 'select' | 'insert' | 'kill' | 'other';
  readonly format: string;
  /** The result may be sent block by block. */
  readonly chunked: boolean;
  /** Statements to run first in the same session. */
  readonly preamble: readonly string[];
  /** The answer is compressed where the caller accepts that. */
  readonly compress: boolean;
}

/** A request that ClickHouse would refuse, with its code. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  readonly code: number;
  readonly type: string;
  constructor(code: number, type: string, message: string) {
    super(message);
    this.code = code;
    this.type = type;
  }
}

const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

function preambleOf(queryId: string, parameters: Iterable<readonly [string, string]>): readonly string[] {
  // The engine gives every query an id of its own; ours goes into the one setting that system.processes shows.
  const assignments = [`log_comment = ${quoteText(queryId)}`];
  const statements: string[] = [];
  for (const [name, value] of parameters) {
    if (name === 'database' && value !== '') statements.push(`USE ${quoteName(value)}`);
    if (INTERFACE_PARAMETERS.has(name)) continue;
    if (!NAME.test(name)) throw new RefusedRequest(115, 'UNKNOWN_SETTING', 'A setting has a name that is none');
    assignments.push(`${name} = ${quoteText(value)}`);
  }
  return [`SET ${assignments.join(', ')}`, ...statements];
}

const TRAILING_FORMAT = /\bFORMAT\s+([A-Za-z][A-Za-z0-9]*)\s*(?:SETTINGS\s+[^;]*)?;?\s*$/i;
const LEADING_NOISE = /^(?:\s+|\(|--[^\n]*\n|\/\*[\s\S]*?\*\/)+/;

function kindOf(sql: string): Statement['kind'] {
  const keyword = /^[A-Za-z]+/.exec(sql.replace(LEADING_NOISE, ''))?.[0]?.toUpperCase();
  if (keyword === 'SELECT' || keyword === 'WITH') return 'select';
  if (keyword === 'INSERT') return 'insert';
  return keyword === 'KILL' ? 'kill' : 'other';
}

const IDENTIFIER = '(?:[A-Za-z_][A-Za-z0-9_]*|`[A-Za-z_][A-Za-z0-9_]*`)';
const PLAIN_INSERT = new RegExp(
  `^\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?(${IDENTIFIER}(?:\\.${IDENTIFIER})?)\\s*(?:\\(([^()]*)\\))?\\s*FORMAT\\s+([A-Za-z]+)\\s*;?\\s*$`,
  'i',
);
/** Formats whose rows need not become a string on their way to the engine. */
const BYTES_FORMATS: ReadonlySet<string> = new Set([
  'Native',
  'JSONEachRow',
  'JSONCompactEachRow',
  'TSV',
  'TabSeparated',
  'CSV',
  'CSVWithNames',
]);

function insertTargetOf(sql: string): InsertTarget | undefined {
  const match = PLAIN_INSERT.exec(sql);
  const [table, columns, format] = [match?.[1], match?.[2], match?.[3]];
  if (table === undefined || format === undefined || !BYTES_FORMATS.has(format)) return undefined;
  const unquoted = (name: string): string => name.trim().replaceAll('`', '');
  const names = columns?.split(',').map(unquoted);
  if (names?.some((name) => !NAME.test(name))) return undefined;
  return { table: unquoted(table), format, ...(names === undefined ? {} : { columns: names }) };
}

/**
 * The statement of a request: `query` of the URL, then the body, as ClickHouse puts them together; `param_x` are query parameters, what is
 * left are settings. Throws RefusedRequest.
 */
export function statementOf(queryId: string, parameters: ReadonlyMap<string, string>, body: Buffer): Statement {
  const query = parameters.get('query') ?? '';
  const separate = query !== '';
  let sql = separate ? query : body.toString('utf8');
  if (sql.trim() === '') throw new RefusedRequest(62, 'SYNTAX_ERROR', 'Empty query');
  const kind = kindOf(sql);
  const data = separate && body.length > 0 ? body : undefined;
  const insert = kind === 'insert' && data !== undefined ? insertTargetOf(sql) : undefined;
  const format = TRAILING_FORMAT.exec(sql)?.[1] ?? parameters.get('default_format') ?? 'TabSeparated';
  if (kind === 'kill') sql = sql.replace(/\bquery_id\b/g, "Settings['log_comment']");
  return {
    sql,
    data,
    insert,
    kind,
    format,
    chunked: kind === 'select' && CHUNKABLE_FORMATS.has(format) && parameters.get('wait_end_of_query') !== '1',
    preamble: preambleOf(queryId, parameters),
    compress: parameters.get('enable_http_compression') === '1',
  };
}
