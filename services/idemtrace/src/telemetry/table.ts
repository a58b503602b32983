/** The tables of `docs/telemetry.md`. */
import type { Metric } from './metric.ts';
import { METRICS } from './metrics.ts';
import { SPANS } from './spans.ts';

function attributesCell(attributes: Readonly<Record<string, string>>): string {
  const cells = Object.entries(attributes).map(([name, meaning]) => `\`${name}\`: ${meaning}`);
  return cells.length === 0 ? '–' : cells.join('; ');
}

export function metricsTable(): string {
  const rows = Object.entries<Metric>(METRICS).map(
    ([name, { instrument, unit, attributes, meaning }]) =>
      `| \`${name}\` | ${instrument} | ${unit === '1' ? '–' : `\`${unit}\``} | ${attributesCell(attributes)} | ${meaning} |`,
  );
  return ['| metric | instrument | unit | attributes | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

export function spansTable(): string {
  const rows = Object.entries(SPANS).map(
    ([name, { attributes, meaning }]) => `| \`${name}\` | ${attributesCell(attributes)} | ${meaning} |`,
  );
  return ['| span | attributes | meaning |', '|---|---|---|', ...rows].join('\n');
}

/** Puts the tables between their marks. Throws where a mark is missing. */
export function withTables(document: string): string {
  const tables = { metrics: metricsTable(), spans: spansTable() };
  return Object.entries(tables).reduce((text, [name, table]) => {
    const [start, end] = [`<!-- ${name}: made by scripts/telemetry-docs.ts -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`The marks of the table of ${name} are missing.`);
    return `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`;
  }, document);
}
