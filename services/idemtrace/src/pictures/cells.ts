import { printable } from '@idemtrace/detector/policy';
import stringWidth from 'string-width';

/** What the terminal can show. */
export interface Surface {
  /** Columns of a line. */
  readonly columns: number;
  readonly color: boolean;
  readonly unicode: boolean;
}

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** What a person sees as characters, each with the columns it takes. */
export function cellsOf(text: string): { readonly text: string; readonly width: number }[] {
  return Array.from(graphemes.segment(text), ({ segment }) => ({ text: segment, width: stringWidth(segment) }));
}

export function widthOf(text: string): number {
  return stringWidth(text);
}

/** Text of unknown origin (ids, names) made safe to print: no control or direction characters; without `unicode` only ASCII. */
export function clean(text: string, unicode: boolean): string {
  const safe = printable(text);
  return unicode ? safe : safe.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/** Shortens text to some columns by leaving out its middle: the ends of ids and dotted names tell more than their middles. */
export function shorten(text: string, columns: number, ellipsis: string): string {
  const cells = cellsOf(text);
  let width = 0;
  for (const cell of cells) width += cell.width;
  if (width <= columns) return text;
  const room = columns - widthOf(ellipsis);
  if (room < 2) return takeWhileFits(cells, Math.max(0, columns));
  const head = takeWhileFits(cells, Math.ceil(room / 2));
  const tail = takeWhileFits([...cells].reverse(), Math.floor(room / 2), true);
  return `${head}${ellipsis}${tail}`;
}

function takeWhileFits(cells: readonly { readonly text: string; readonly width: number }[], columns: number, reversed = false): string {
  const taken: string[] = [];
  let width = 0;
  for (const cell of cells) {
    if (width + cell.width > columns) break;
    width += cell.width;
    taken.push(cell.text);
  }
  return (reversed ? taken.reverse() : taken).join('');
}

/** Breaks a paragraph at spaces into lines of at most so many columns; a longer word is cut. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (widthOf(joined) <= columns) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    let rest = word;
    while (widthOf(rest) > columns && columns > 1) {
      const head = takeWhileFits(cellsOf(rest), columns);
      lines.push(head);
      rest = rest.slice(head.length);
    }
    line = rest;
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}
