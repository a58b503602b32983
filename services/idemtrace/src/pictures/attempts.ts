import { alertLine } from './alert-line.ts';
import { Canvas, DOWN, LEFT, paint, RIGHT, UP } from './canvas.ts';
import { clean, type Surface, shorten, wrap } from './cells.ts';
import { legend } from './legend.ts';
import { clashStyle, type LaneLine, LaneLines } from './lines.ts';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from './marks.ts';
import { type Clash, type Item, type Lane, type Picture, pictureOf } from './picture.ts';
import { alignLanes } from './rows.ts';
import type { WorkflowView } from './view.ts';

export interface AttemptsOptions extends Surface {
  /** Draws this one alert; default: all of warning and above. */
  readonly alertId?: string;
}

/** A picture needs this much room: on less, its lines are cut. */
const LEAST_COLUMNS = 24;
/** Narrower lanes are stacked instead of drawn side by side. */
const NARROWEST = 28;
const WIDEST = 64;
/** Lines that may run beside each other in one gutter; further clashes are told by their labels alone. */
const MAX_TRACKS = 3;

/**
 * A workflow's attempts as lanes side by side, or stacked where the terminal is too narrow for them: steps as rows, each execution with its
 * class and outcome, and what clashes joined by a line. No line is wider than `columns`; ids cannot reach the terminal as control sequences.
 */
export function drawAttempts(view: WorkflowView, options: AttemptsOptions): string {
  if (options.columns < LEAST_COLUMNS) {
    const drawn = drawAttempts(view, { ...options, columns: LEAST_COLUMNS, color: false });
    return drawn
      .split('\n')
      .map((line) => shorten(line, options.columns, ''))
      .join('\n');
  }
  const picture = pictureOf(view, options.alertId);
  const body = drawSideBySide(view, picture, options) ?? drawStacked(view, picture, options);
  const unplaced = picture.unplaced.map((alert) => alertLine(alert, options));
  return [...title(view, options), '', ...body, ...(unplaced.length > 0 ? ['', ...unplaced] : []), '', ...legend(picture, options)].join(
    '\n',
  );
}

/** A space, the tracks with spaces between, and the arrow's head. */
function gutterWidth(tracks: number): number {
  return tracks === 0 ? 3 : tracks * 2 + 3;
}

function title(view: WorkflowView, options: AttemptsOptions): string[] {
  const { columns, color, unicode } = options;
  const name = shorten(clean(`${view.tenantId} / ${view.workflowId}`, unicode), columns, unicode ? '…' : '..');
  const executions = view.runs.reduce((sum, run) => sum + run.executions.length, 0);
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  const severities = (['critical', 'warning', 'info'] as const).map(
    (severity) => [severity, view.alerts.filter((alert) => alert.severity === severity).length] as const,
  );
  const alerts = severities.filter(([, number]) => number > 0).map(([severity, number]) => `${number} ${severity}`);
  const counts = [count(view.runs.length, 'run'), count(executions, 'execution'), alerts.length === 0 ? 'no alerts' : alerts.join(', ')];
  return [paint(name, ['bold'], color), ...wrap(counts.join(unicode ? ' · ' : ' - '), columns)];
}

/** One lane of the page: where its lines start, and which rows they are in. */
interface Column {
  readonly left: number;
  readonly width: number;
  readonly lines: readonly { readonly row: number; readonly line: LaneLine }[];
}

function lastStep(lanes: readonly Lane[]): number {
  return Math.max(0, ...lanes.flatMap((lane) => lane.blocks.flatMap((block) => block.items.map(stepOf))));
}

function stepOf(item: Item): number {
  return item.kind === 'execution' ? item.execution.stepIndex : 0;
}

/** Undefined where there is no room for it, or only one lane. */
function drawSideBySide(view: WorkflowView, picture: Picture, options: AttemptsOptions): string[] | undefined {
  const { lanes } = picture;
  if (lanes.length < 2) return undefined;
  const laneOf = laneOfIds(lanes);
  const counts = lanes.map((_, lane) => Math.min(MAX_TRACKS, picture.clashes.filter((clash) => gutterOf(clash, laneOf) === lane).length));
  const gutter = counts.map((tracks, lane) => (lane === 0 && tracks === 0 ? 0 : gutterWidth(tracks)));
  const free = options.columns - gutter.reduce((sum, width) => sum + width, 0);
  const width = Math.min(WIDEST, Math.floor(free / lanes.length));
  if (width < NARROWEST) return undefined;
  const maker = new LaneLines({ tenantId: view.tenantId, unicode: options.unicode, width, lastStep: lastStep(lanes) });
  const lines: { row: number; line: LaneLine }[][] = lanes.map(({ run }) => maker.header(run).map((line, row) => ({ row, line })));
  let row = 3;
  for (const aligned of alignLanes(lanes)) {
    const cells = lanes.map((_, lane): readonly LaneLine[] => {
      if (aligned.kind === 'blocks') return aligned.blocks[lane]?.items.flatMap((item) => maker.of(item)) ?? [];
      const steps = aligned.steps[lane] ?? 0;
      return steps === 0 ? [] : [maker.elidedSteps(steps)];
    });
    for (const [lane, cell] of cells.entries()) lines[lane]?.push(...cell.map((line, index) => ({ row: row + index, line })));
    row += Math.max(...cells.map((cell) => cell.length));
  }
  let left = 0;
  const columns = lines.map((laneLines, lane): Column => {
    left += gutter[lane] ?? 0;
    const column = { left, width, lines: laneLines };
    left += width;
    return column;
  });
  return print(columns, picture, options);
}

function drawStacked(view: WorkflowView, picture: Picture, options: AttemptsOptions): string[] {
  const tracks = Math.min(MAX_TRACKS, picture.clashes.length);
  const left = options.columns < NARROWEST || tracks === 0 ? 0 : gutterWidth(tracks);
  const width = Math.max(1, Math.min(WIDEST * 2, options.columns - left));
  const maker = new LaneLines({ tenantId: view.tenantId, unicode: options.unicode, width, lastStep: lastStep(picture.lanes) });
  const lines = picture.lanes.flatMap((lane, index) => {
    const rows = alignLanes([lane]).flatMap((row) => {
      if (row.kind === 'elided') return [maker.elidedSteps(row.steps[0] ?? 0)];
      return row.blocks.flatMap((block) => block?.items.flatMap((item) => maker.of(item)) ?? []);
    });
    return [...(index > 0 ? [{ indent: 0, spans: [] }] : []), ...maker.header(lane.run), ...rows];
  });
  return print([{ left, width, lines: lines.map((line, row) => ({ row, line })) }], picture, options);
}

function laneOfIds(lanes: readonly Lane[]): ReadonlyMap<string, number> {
  const laneOf = new Map<string, number>();
  for (const [index, lane] of lanes.entries()) {
    for (const item of lane.blocks.flatMap((block) => block.items)) {
      if (item.kind === 'execution') laneOf.set(item.execution.executionId, index);
      if (item.kind === 'retrieval') laneOf.set(item.retrieval.retrievalId, index);
    }
  }
  return laneOf;
}

/** The lane whose left gutter joins both ends; undefined where lanes stand between them. */
function gutterOf(clash: Clash, laneOf: ReadonlyMap<string, number>): number | undefined {
  const from = laneOf.get(clash.from);
  const to = laneOf.get(clash.to);
  if (from === undefined || to === undefined || Math.abs(from - to) > 1) return undefined;
  return Math.max(from, to);
}

interface Anchor {
  readonly lane: number;
  readonly row: number;
  readonly start: number;
  readonly end: number;
}

function print(columns: readonly Column[], picture: Picture, options: AttemptsOptions): string[] {
  const canvas = new Canvas(options.columns, options.unicode);
  const anchors = new Map<string, Anchor>();
  for (const [lane, column] of columns.entries()) {
    for (const { row, line } of column.lines) {
      const start = column.left + line.indent;
      const end = canvas.write(row, start, line.spans, column.left + column.width);
      if (line.anchor !== undefined) anchors.set(line.anchor, { lane, row, start, end });
    }
  }
  const joints = jointsOf(picture.clashes, anchors, columns);
  // Heads last: where a line both ends and starts, the end is what must be seen.
  for (const end of ['from', 'to'] as const) for (const joint of joints) drawEnd(canvas, joint, end, options.unicode);
  for (const { clash, from, to, column } of joints) {
    for (let row = Math.min(from.row, to.row) + 1; row < Math.max(from.row, to.row); row++)
      canvas.line(row, column, UP | DOWN, clashStyle(clash));
  }
  return canvas.print(options.color);
}

interface Joint {
  readonly clash: Clash;
  readonly from: Anchor;
  readonly to: Anchor;
  readonly gutter: number;
  readonly track: number;
  /** Column of the line down. */
  readonly column: number;
}

/** Gives each clash between neighbouring lanes, or within one, a track of the gutter that is free over its rows. */
function jointsOf(clashes: readonly Clash[], anchors: ReadonlyMap<string, Anchor>, columns: readonly Column[]): Joint[] {
  const joints: Joint[] = [];
  for (const clash of clashes) {
    const from = anchors.get(clash.from);
    const to = anchors.get(clash.to);
    if (from === undefined || to === undefined || Math.abs(from.lane - to.lane) > 1) continue;
    const gutter = Math.max(from.lane, to.lane);
    const before = columns[gutter - 1];
    const start = before === undefined ? 0 : before.left + before.width;
    const isFree = (track: number) =>
      !joints.some((joint) => joint.gutter === gutter && joint.track === track && overlap(joint, { from, to }));
    const track = Array.from({ length: MAX_TRACKS }, (_, index) => index).find(isFree);
    if (track === undefined) continue;
    const column = (columns[gutter]?.left ?? 0) - 3 - track * 2;
    if (column >= start) joints.push({ clash, from, to, gutter, track, column });
  }
  return joints;
}

interface Span {
  readonly from: Anchor;
  readonly to: Anchor;
}

function overlap(a: Span, b: Span): boolean {
  return (
    Math.min(a.from.row, a.to.row) <= Math.max(b.from.row, b.to.row) && Math.min(b.from.row, b.to.row) <= Math.max(a.from.row, a.to.row)
  );
}

/** Draws one end of a clash: its head beside the text, and the line from there into the gutter. */
function drawEnd(canvas: Canvas, { clash, from, to, gutter, column }: Joint, end: 'from' | 'to', unicode: boolean): void {
  const style = clashStyle(clash);
  const glyphs = unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
  const [anchor, other] = end === 'from' ? [from, to] : [to, from];
  const right = anchor.lane === gutter;
  const marker = right ? anchor.start - 2 : anchor.end + 1;
  const head = end === 'from' ? glyphs.origin : right ? glyphs.arrowRight : glyphs.arrowLeft;
  canvas.write(anchor.row, marker, [{ text: head, style }]);
  for (let at = Math.min(marker, column) + 1; at < Math.max(marker, column); at++) canvas.line(anchor.row, at, LEFT | RIGHT, style);
  const vertical = anchor.row === other.row ? 0 : anchor.row < other.row ? DOWN : UP;
  canvas.line(anchor.row, column, (marker > column ? RIGHT : LEFT) | vertical, style);
}
