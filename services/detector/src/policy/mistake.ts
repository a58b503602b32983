/** Something wrong in a document that a person wrote. */
export interface Mistake {
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units. */
  readonly column: number;
  /** Where in the document, e.g. `tools."billing.*".effect`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
  /** What to write instead. */
  readonly hint?: string;
  /** How many mistakes are told in this one; default 1. */
  readonly count?: number;
}

/** Most mistakes that are listed: nobody reads more, and a document of nothing else has a hundred thousand. */
export const LISTED = 100;

/** In the order of the document; what is beyond the hundredth is counted, where the first of it stands. */
export function listMistakes(mistakes: readonly Mistake[]): readonly Mistake[] {
  const ordered = mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column);
  const next = ordered[LISTED];
  if (next === undefined) return ordered;
  const count = ordered.length - LISTED;
  return [
    ...ordered.slice(0, LISTED),
    { line: next.line, column: next.column, path: '', message: `and ${count} more from here on`, count },
  ];
}

/** Longest part of a line that is shown. */
const SHOWN = 120;

/**
 * Mistakes as a person wants to read them: `file:line:column: message`, the line's text, a caret under the place, the hint.
 * `text` is the document that they were found in; `mask` hides the line's text, for documents that may hold secrets.
 */
export function formatMistakes(source: string, text: string, mistakes: readonly Mistake[], options: { mask?: boolean } = {}): string {
  const lines = text.split('\n');
  return mistakes
    .map((mistake) => {
      const { line, column, path, message, hint } = mistake;
      const about = path === '' || message.includes(path) ? '' : ` (${path})`;
      const out = [`${printable(source)}:${line}:${column}: ${printable(message)}${printable(about)}`];
      const whole = lines[line - 1]?.replace(/\r$/, '');
      if (whole !== undefined && whole.trim() !== '' && options.mask !== true) {
        const start = column > SHOWN - 20 ? column - 40 : 0;
        out.push(`  ${printable(whole.slice(start, start + SHOWN))}`, `  ${' '.repeat(column - 1 - start)}^`);
      }
      if (hint !== undefined) out.push(`  ${printable(hint)}`);
      return out.join('\n');
    })
    .join('\n');
}

/** Text of unknown origin with its control and direction characters made visible, one character each: a terminal acts on none of it. */
export function printable(text: string): string {
  return text.replace(/\t/g, ' ').replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '\ufffd');
}
