import type { EffectClass, Severity, ToolPhase } from '@idemtrace/schemas';
import { element, type Markup, styleSheet, words } from './svg-elements.ts';

export type Theme = 'light' | 'dark' | 'auto';

interface Palette {
  readonly page: string;
  readonly lane: string;
  readonly line: string;
  readonly ink: string;
  readonly dim: string;
  readonly read: string;
  readonly sets: string;
  readonly write: string;
  readonly delegate: string;
  readonly green: string;
  readonly red: string;
  readonly amber: string;
  readonly blue: string;
  readonly flag: string;
}

const LIGHT: Palette = {
  page: '#ffffff',
  lane: '#f6f8fa',
  line: '#d1d9e0',
  ink: '#1f2328',
  dim: '#59636e',
  read: '#ffffff',
  sets: '#e0f2fe',
  write: '#fff1c9',
  delegate: '#efe6ff',
  green: '#1a7f37',
  red: '#cf222e',
  amber: '#8f5b00',
  blue: '#0860ca',
  flag: '#ffe3e1',
};

const DARK: Palette = {
  page: '#0d1117',
  lane: '#151b23',
  line: '#3d444d',
  ink: '#f0f6fc',
  dim: '#9198a1',
  read: '#1c232d',
  sets: '#0c2d45',
  write: '#3d2e05',
  delegate: '#2b2144',
  green: '#3fb950',
  red: '#ff6a69',
  amber: '#e3a008',
  blue: '#58a6ff',
  flag: '#4a1a1a',
};

export const CLASS_CLASSES: Readonly<Record<EffectClass, string>> = {
  unspecified: 'read',
  read: 'read',
  idempotent_write: 'sets',
  write: 'write',
  delegate: 'delegate',
};

export const SEVERITY_CLASSES: Readonly<Record<Severity, string>> = { unspecified: 'dim', info: 'blue', warning: 'amber', critical: 'red' };

export const OUTCOME_CLASSES: Readonly<Record<ToolPhase, string>> = {
  unspecified: 'dim',
  started: 'blue',
  succeeded: 'green',
  failed: 'red',
  unknown: 'amber',
  replayed: 'blue',
  compensated: 'amber',
};

/** Drawn, not written: fonts lack or colour such signs. In a square of 12, centred on 0, 0. */
const OUTCOME_PATHS: Readonly<Record<Exclude<ToolPhase, 'unknown'>, string>> = {
  unspecified: 'M -3 0 H 3',
  started: 'M -3 -4 L 4 0 L -3 4 Z',
  succeeded: 'M -4 0 L -1 3.5 L 4.5 -4',
  failed: 'M -3.5 -3.5 L 3.5 3.5 M 3.5 -3.5 L -3.5 3.5',
  replayed: 'M 4 0 A 4 4 0 1 1 1.5 -3.7 M 1 -6 L 2 -3.6 L -0.5 -2.4',
  compensated: 'M 4 4 V 2 A 3.5 3.5 0 0 0 0.5 -1.5 H -4 M -1 -4.5 L -4 -1.5 L -1 1.5',
};

export function outcomeIcon(outcome: ToolPhase, x: number, y: number): Markup {
  const style = OUTCOME_CLASSES[outcome];
  if (outcome === 'unknown') return element('text', { class: `sign t-${style}`, x, y: y + 5, 'text-anchor': 'middle' }, words('?'));
  const filled = outcome === 'started' ? `f-${style}` : 'open';
  return element('path', { class: `s-${style} ${filled} icon`, d: OUTCOME_PATHS[outcome], transform: `translate(${x} ${y})` });
}

function rules(palette: Palette): string {
  const { page, lane, line, ink, dim, read, sets, write, delegate, green, red, amber, blue, flag } = palette;
  const colors = Object.entries({ dim, green, red, amber, blue }).map(
    ([name, color]) => `.t-${name}, .f-${name} { fill: ${color}; } .s-${name} { stroke: ${color}; }`,
  );
  const boxes = Object.entries({ read, sets, write, delegate, flag }).map(([name, color]) => `.b-${name} { fill: ${color}; }`);
  return `.page { fill: ${page}; } .lane { fill: ${lane}; stroke: ${line}; } .edge { stroke: ${line}; } .ink { fill: ${ink}; }
    .pill { fill: ${page}; } ${colors.join(' ')} ${boxes.join(' ')}`;
}

/** The style sheet: plain classes, so that renderers without variables or media queries show the light one. */
export function themeSheet(theme: Theme): Markup {
  const base = theme === 'dark' ? DARK : LIGHT;
  const dark = theme === 'auto' ? `@media (prefers-color-scheme: dark) { ${rules(DARK)} }` : '';
  return styleSheet(`
    text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
    .mono { font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
    .small { font-size: 11px; } .title { font-size: 19px; font-weight: 600; } .head { font-size: 14px; font-weight: 600; }
    .strong { font-weight: 600; } .sign { font-weight: 700; font-size: 14px; } .open { fill: none; }
    .icon { stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
    .dashed { stroke-dasharray: 4 3; } .thick { stroke-width: 2; } .curve { fill: none; stroke-width: 2; }
    ${rules(base)} ${dark}`);
}
