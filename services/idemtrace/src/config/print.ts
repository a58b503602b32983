import { printable } from '@idemtrace/detector/policy';
import { LEAVES, RESERVED_VARIABLES } from './leaves.ts';
import type { ConfigMistake, Origins } from './resolve.ts';
import type { Config } from './schema.ts';

/** The configuration as JSON; secrets are masked by their class. */
export function printConfig(config: Config): string {
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** The configuration as lines `path = value  (origin)`, for a person. */
export function printConfigWithOrigins(config: Config, origins: Origins): string {
  const lines = LEAVES.map((leaf) => {
    const value = leaf.path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], config);
    const shown = value === undefined ? 'not set' : printable(JSON.stringify(value));
    return [`${leaf.path} = ${shown}`, value === undefined ? '' : `  (${origins[leaf.path] ?? 'default'})`] as const;
  });
  const width = Math.min(60, Math.max(...lines.map(([text]) => text.length)));
  return `${lines.map(([text, origin]) => (text.padEnd(width) + origin).trimEnd()).join('\n')}\n`;
}

/** One line a mistake: where, what is wrong, what to do. Never a value. */
export function formatConfigMistakes(mistakes: readonly ConfigMistake[]): string {
  return mistakes
    .map(({ origin, path, message, hint }) => {
      const about = path === undefined || message.includes(path) || origin.includes(path) ? '' : `${path} `;
      return printable(`${origin}: ${about}${message}${hint === undefined ? '' : ` (${hint})`}`);
    })
    .join('\n');
}

function isEmpty(fallback: unknown): boolean {
  return typeof fallback === 'object' && fallback !== null && Object.keys(fallback).length === 0;
}

/** Every setting as a Markdown table, for the documentation. */
export function settingsTable(): string {
  const rows = LEAVES.map(({ path, variable, meta, fallback }) => {
    const variables = meta.secret === true ? `\`${variable}\`, or a file: \`${variable}_FILE\`` : `\`${variable}\``;
    const shown = fallback === undefined || isEmpty(fallback) ? '' : `\`${String(fallback)}\``;
    return `| \`${path}\` | ${variables} | ${meta.kind} | ${shown} | ${meta.description} |`;
  });
  const reserved = Object.entries(RESERVED_VARIABLES).map(([variable, description]) => `| | \`${variable}\` | path | | ${description} |`);
  return ['| setting | variable | value | default | what it does |', '|---|---|---|---|---|', ...rows, ...reserved, ''].join('\n');
}
