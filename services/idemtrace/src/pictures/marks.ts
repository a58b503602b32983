import type { EffectClass, Severity, ToolPhase } from '@idemtrace/schemas';
import type { Style } from './canvas.ts';

/** How something is drawn: with Unicode, in ASCII, in which style; `word` is what the legend says. */
export interface Mark {
  readonly unicode: string;
  readonly ascii: string;
  readonly style: Style;
  readonly word: string;
}

export const OUTCOME_MARKS: Readonly<Record<ToolPhase, Mark>> = {
  unspecified: { unicode: '·', ascii: '.', style: ['dim'], word: 'outcome not known here' },
  started: { unicode: '▶', ascii: '>', style: ['cyan'], word: 'started, no outcome' },
  succeeded: { unicode: '✓', ascii: '+', style: ['green'], word: 'succeeded' },
  failed: { unicode: '✗', ascii: 'x', style: ['red'], word: 'failed' },
  unknown: { unicode: '?', ascii: '?', style: ['yellow', 'bold'], word: 'unknown: may have had its effect' },
  replayed: { unicode: '↺', ascii: '=', style: ['blue'], word: 'answered by the ledger' },
  compensated: { unicode: '↶', ascii: '<', style: ['magenta'], word: 'compensated' },
};

export const CLASS_MARKS: Readonly<Record<EffectClass, Mark>> = {
  unspecified: { unicode: '·', ascii: '.', style: ['dim'], word: 'no class' },
  read: { unicode: 'r', ascii: 'r', style: ['dim'], word: 'read' },
  idempotent_write: { unicode: 's', ascii: 's', style: ['cyan'], word: 'sets a state' },
  write: { unicode: 'W', ascii: 'W', style: ['bold'], word: 'write' },
  delegate: { unicode: 'd', ascii: 'd', style: ['blue'], word: 'delegate' },
};

export const SEVERITY_MARKS: Readonly<Record<Severity, Mark>> = {
  unspecified: { unicode: '·', ascii: '.', style: ['dim'], word: 'unspecified' },
  info: { unicode: '·', ascii: 'i', style: ['blue'], word: 'info' },
  warning: { unicode: '▲', ascii: '!', style: ['yellow'], word: 'warning' },
  critical: { unicode: '▲', ascii: '!', style: ['red', 'bold'], word: 'critical' },
};

/** From bad to harmless. */
export const SEVERITY_RANK: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, info: 2, unspecified: 3 };

export interface Glyphs {
  readonly ellipsis: string;
  readonly dot: string;
  readonly retrieval: string;
  readonly nested: string;
  readonly foreign: string;
  readonly arrowRight: string;
  readonly arrowLeft: string;
  readonly origin: string;
  readonly rule: string;
  readonly elided: string;
  label(number: number): string;
}

export const UNICODE_GLYPHS: Glyphs = {
  ellipsis: '…',
  dot: '·',
  retrieval: '⌕',
  nested: '└',
  foreign: '⚑',
  arrowRight: '▶',
  arrowLeft: '◀',
  origin: '●',
  rule: '─',
  elided: '⋯',
  label: (number) => (number <= 20 ? String.fromCodePoint(0x2460 + number - 1) : `(${number})`),
};

export const ASCII_GLYPHS: Glyphs = {
  ellipsis: '..',
  dot: '-',
  retrieval: '@',
  nested: '`-',
  foreign: '!!',
  arrowRight: '>',
  arrowLeft: '<',
  origin: 'o',
  rule: '-',
  elided: '...',
  label: (number) => `#${number}`,
};
