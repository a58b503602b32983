/** The services as a person and a shell read them. */
import type { State } from './state.ts';

const HEADINGS = ['service', 'state', 'pid', 'port', 'memory', 'address'] as const;

/** A table, a line per service. */
export function stateTable(states: readonly State[]): string {
  const rows = states.map(({ name, condition, known, rssBytes, pids }) => [
    name,
    condition,
    condition === 'running' ? String(pids[0]) : '',
    Object.values(known?.ports ?? {}).join(' '),
    rssBytes === 0 ? '' : `${Math.round(rssBytes / 2 ** 20)} MiB`,
    known?.address ?? '',
  ]);
  const all: readonly (readonly string[])[] = [HEADINGS, ...rows];
  const widths = HEADINGS.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** What a shell sources to point idemtrace at the services that run. */
export function environmentSnippet(states: readonly State[]): string {
  return states
    .filter(({ condition }) => condition === 'running')
    .flatMap(({ known }) => Object.entries(known?.environment ?? {}))
    .map(([variable, value]) => `export ${variable}=${value}\n`)
    .join('');
}
