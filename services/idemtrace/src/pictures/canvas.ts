import { styleText } from 'node:util';
import { cellsOf } from './cells.ts';

export type Style = readonly Extract<Parameters<typeof styleText>[0], string>[];

/** A piece of a line in one style. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

interface Cell {
  readonly text: string;
  readonly style: Style;
}

/** Directions that a line leaves a cell in. */
export const UP = 1;
export const DOWN = 2;
export const LEFT = 4;
export const RIGHT = 8;

const BOX = [' ', '│', '│', '│', '─', '╯', '╮', '┤', '─', '╰', '╭', '├', '─', '┴', '┬', '┼'];

/** What is drawn on before it is printed: text and lines by cell. What does not fit its width is cut. */
export class Canvas {
  readonly #width: number;
  readonly #unicode: boolean;
  readonly #rows: (Cell | undefined)[][] = [];
  readonly #lines = new Map<number, { mask: number; style: Style }>();

  constructor(width: number, unicode: boolean) {
    this.#width = width;
    this.#unicode = unicode;
  }

  /** Writes spans from a column on, at most up to (not including) `end`; returns the column after the last. */
  write(row: number, column: number, spans: readonly Span[], end = this.#width): number {
    let at = column;
    for (const { text, style = [] } of spans) {
      for (const cell of cellsOf(text)) {
        if (cell.width === 0) continue;
        if (at + cell.width > Math.min(end, this.#width)) return at;
        this.#row(row)[at] = { text: cell.text, style };
        for (let taken = 1; taken < cell.width; taken++) this.#row(row)[at + taken] = { text: '', style };
        at += cell.width;
      }
    }
    return at;
  }

  /** Lets a line pass through a cell; lines that meet are joined. Text is never overwritten. */
  line(row: number, column: number, mask: number, style: Style): void {
    if (column < 0 || column >= this.#width) return;
    this.#row(row);
    const key = row * this.#width + column;
    const there = this.#lines.get(key);
    this.#lines.set(key, { mask: (there?.mask ?? 0) | mask, style: there?.style ?? style });
  }

  #row(row: number): (Cell | undefined)[] {
    while (this.#rows.length <= row) this.#rows.push([]);
    return this.#rows[row] ?? [];
  }

  /** One string a row, without trailing spaces. */
  print(color: boolean): string[] {
    return this.#rows.map((cells, row) => {
      const spans: { text: string; style: Style }[] = [];
      for (let column = 0; column < this.#width; column++) {
        const line = this.#lines.get(row * this.#width + column);
        const cell =
          cells[column] ?? (line === undefined ? { text: ' ', style: [] } : { text: this.#lineText(line.mask), style: line.style });
        const last = spans.at(-1);
        if (last !== undefined && last.style.join() === cell.style.join()) last.text += cell.text;
        else spans.push({ text: cell.text, style: cell.style });
      }
      const end = spans.findLastIndex((span) => span.text.trim() !== '');
      const shown = spans.slice(0, end + 1).map((span, index) => (index === end ? { ...span, text: span.text.trimEnd() } : span));
      return shown.map(({ text, style }) => paint(text, style, color)).join('');
    });
  }

  #lineText(mask: number): string {
    if (this.#unicode) return BOX[mask] ?? ' ';
    const across = (mask & (LEFT | RIGHT)) !== 0;
    return across && (mask & (UP | DOWN)) !== 0 ? '+' : across ? '-' : '|';
  }
}

/** Text in a style, or as it is without colour. */
export function paint(text: string, style: Style, color: boolean): string {
  return color && style.length > 0 && text !== '' ? styleText([...style], text, { validateStream: false }) : text;
}
