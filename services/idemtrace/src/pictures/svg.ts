import { EFFECT_CLASS_SYMBOLS, TOOL_PHASE_SYMBOLS } from '@idemtrace/schemas';
import { shorten, widthOf } from './cells.ts';
import { endOf } from './lines.ts';
import { CLASS_MARKS, OUTCOME_MARKS } from './marks.ts';
import { type Picture, pictureOf } from './picture.ts';
import { drawClash } from './svg-clash.ts';
import { element, type Markup, words } from './svg-elements.ts';
import { drawItem, drawLane } from './svg-lane.ts';
import { idOf, LANE_PADDING, LANE_WIDTH, type Layout, layoutOf, MARGIN } from './svg-layout.ts';
import { CLASS_CLASSES, outcomeIcon, type Theme, themeSheet } from './svg-theme.ts';
import type { WorkflowView } from './view.ts';

export interface SvgOptions {
  /** Draws this one alert; default: all of warning and above. */
  readonly alertId?: string;
  /** Default `auto`: light, and dark where the viewer prefers that. */
  readonly theme?: Theme;
}

const ABOVE = 92;
const LEGEND_LINE = 24;

/** A workflow's attempts as an SVG file: the picture of `drawAttempts`. Text of unknown origin is escaped. */
export function renderSvg(view: WorkflowView, options: SvgOptions = {}): string {
  const picture = pictureOf(view, options.alertId);
  const entries = legendOf(picture);
  const draft = layoutOf(picture, ABOVE, 0);
  const lines = legendLines(entries, draft.width - 2 * MARGIN);
  const layout = layoutOf(picture, ABOVE, 28 + lines.length * LEGEND_LINE + MARGIN / 2);
  const { width, height } = layout;
  const name = `${view.tenantId} / ${view.workflowId}`;
  const summary = summaryOf(view);
  const placed = new Map(layout.items.map((item) => [idOf(item.item), item]));
  const clashes = picture.clashes.flatMap((clash) => {
    const from = placed.get(clash.from);
    const to = placed.get(clash.to);
    return from === undefined || to === undefined ? [] : [drawClash(clash, from, to)];
  });
  const body = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${Math.ceil(height)}`,
      role: 'img',
      'aria-labelledby': 'title desc',
    },
    element('title', { id: 'title' }, words(`Attempts at ${name}`)),
    element('desc', { id: 'desc' }, words(describe(view, picture))),
    themeSheet(options.theme ?? 'auto'),
    element('rect', { class: 'page', width, height }),
    element('text', { class: 'title ink', x: MARGIN, y: 44 }, words(shorten(name, Math.floor((width - 2 * MARGIN) / 12.8), '…'))),
    element('text', { class: 't-dim', x: MARGIN, y: 68 }, words(summary)),
    ...picture.lanes.map((lane, index) => drawLane(lane.run, layout.lefts[index] ?? 0, layout.top, layout.bottom)),
    ...layout.items.map((item) => drawItem(item, view.tenantId)),
    ...layout.elided.map((mark) => elidedMark(mark, layout)),
    ...clashes.map(({ curve }) => curve),
    ...clashes.map(({ pill }) => pill),
    ...lines.flatMap((line, index) => drawLegend(line, layout.bottom + 28 + index * LEGEND_LINE)),
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${body}\n`;
}

function summaryOf(view: WorkflowView): string {
  const executions = view.runs.reduce((sum, run) => sum + run.executions.length, 0);
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const alerts = (['critical', 'warning', 'info'] as const)
    .map((severity) => [view.alerts.filter((alert) => alert.severity === severity).length, severity] as const)
    .filter(([number]) => number > 0)
    .map(([number, severity]) => `${number} ${severity}`);
  return [count(view.runs.length, 'run'), count(executions, 'execution'), alerts.length === 0 ? 'no alerts' : alerts.join(', ')].join(
    ' · ',
  );
}

/** The picture in words, for who cannot see it. */
function describe(view: WorkflowView, picture: Picture): string {
  const attempts = view.runs.map((run) => `attempt ${run.attempt}: ${run.executions.length} executions, ${endOf(run).text}`);
  const clashes = picture.clashes.map(
    ({ alert }) => `${alert.severity} ${alert.rule} of ${alert.tool ?? 'a tool'} in attempt ${alert.attempt} at step ${alert.stepIndex}`,
  );
  return [...attempts, ...clashes].join('; ');
}

function elidedMark({ lane, y, steps }: Layout['elided'][number], layout: Layout): Markup {
  const left = layout.lefts[lane] ?? 0;
  const middle = left + LANE_WIDTH / 2;
  const half = 58;
  return element(
    'g',
    {},
    element('path', {
      class: 'edge dashed',
      d: `M ${left + LANE_PADDING} ${y + 12} H ${middle - half} M ${middle + half} ${y + 12} H ${left + LANE_WIDTH - LANE_PADDING}`,
    }),
    element(
      'text',
      { class: 'small t-dim', x: middle, y: y + 16, 'text-anchor': 'middle' },
      words(`… ${steps} ${steps === 1 ? 'step' : 'steps'} …`),
    ),
  );
}

interface LegendEntry {
  readonly text: string;
  readonly draw: (x: number, y: number) => Markup;
}

function legendOf(picture: Picture): LegendEntry[] {
  const items = picture.lanes.flatMap((lane) => lane.blocks.flatMap((block) => block.items));
  const executions = items.flatMap((item) => (item.kind === 'execution' ? [item.execution] : []));
  const classes = EFFECT_CLASS_SYMBOLS.filter((one) => executions.some((execution) => execution.effectClass === one));
  const outcomes = TOOL_PHASE_SYMBOLS.filter((one) => executions.some((execution) => execution.outcome === one));
  const entries: LegendEntry[] = [
    ...classes.map(
      (one): LegendEntry => ({
        text: CLASS_MARKS[one].word,
        draw: (x, y) => element('rect', { class: `b-${CLASS_CLASSES[one]} edge`, x, y: y - 11, width: 16, height: 14, rx: 3 }),
      }),
    ),
    ...outcomes.map((one): LegendEntry => ({ text: OUTCOME_MARKS[one].word, draw: (x, y) => outcomeIcon(one, x + 8, y - 4) })),
  ];
  if (items.some((item) => item.kind === 'retrieval' && item.foreign.length > 0)) {
    entries.push({
      text: 'another tenant’s document',
      draw: (x, y) => element('rect', { class: 'b-flag s-red', x, y: y - 11, width: 16, height: 14, rx: 7 }),
    });
  }
  if (picture.clashes.length > 0) {
    entries.push({
      text: 'what came first, and what followed',
      draw: (x, y) =>
        element(
          'g',
          {},
          element('path', { class: 'curve s-red', d: `M ${x} ${y - 4} H ${x + 10}` }),
          element('path', { class: 'f-red', d: `M ${x + 17} ${y - 4} l -9 -5 v 10 Z` }),
        ),
    });
  }
  return entries;
}

function legendWidth({ text }: LegendEntry): number {
  return widthOf(text) * 6.8 + 48;
}

function legendLines(entries: readonly LegendEntry[], width: number): LegendEntry[][] {
  const lines: LegendEntry[][] = [];
  let used = width;
  for (const entry of entries) {
    const needed = legendWidth(entry);
    if (used + needed > width) {
      lines.push([]);
      used = 0;
    }
    used += needed;
    lines.at(-1)?.push(entry);
  }
  return lines;
}

function drawLegend(line: readonly LegendEntry[], y: number): Markup[] {
  let x = MARGIN;
  return line.map((entry) => {
    const at = x;
    x += legendWidth(entry);
    return element('g', {}, entry.draw(at, y), element('text', { class: 'small t-dim', x: at + 24, y }, words(entry.text)));
  });
}
