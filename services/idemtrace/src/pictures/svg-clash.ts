import { widthOf } from './cells.ts';
import type { Clash } from './picture.ts';
import { element, type Markup, words } from './svg-elements.ts';
import { bodyHeight, LANE_GAP, type PlacedItem } from './svg-layout.ts';
import { SEVERITY_CLASSES } from './svg-theme.ts';

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A clash as a curve with an arrow's head and, at `label`, a pill that names its number and cause. */
export function drawClash(clash: Clash, from: PlacedItem, to: PlacedItem): { readonly curve: Markup; readonly pill: Markup } {
  const style = SEVERITY_CLASSES[clash.alert.severity];
  const route = routeOf(from, to, clash.label);
  const curve = element(
    'g',
    {},
    element('path', { class: `curve s-${style}`, d: route.path }),
    element('circle', { class: `f-${style}`, cx: route.start.x, cy: route.start.y, r: 4 }),
    element('path', { class: `f-${style}`, d: headAt(route.end, route.points) }),
  );
  return { curve, pill: pillAt(clash, style, route.label, route.wide) };
}

interface Route {
  readonly path: string;
  readonly start: Point;
  readonly end: Point;
  /** Which way the arrow's head points. */
  readonly points: 'left' | 'right';
  readonly label: Point;
  /** Whether the label has room for words. */
  readonly wide: boolean;
}

function routeOf(from: PlacedItem, to: PlacedItem, label: number): Route {
  const y1 = from.y + bodyHeight(from.item) / 2;
  const y2 = to.y + bodyHeight(to.item) / 2;
  const right = (item: PlacedItem) => item.x + item.width;
  if (from.lane === to.lane) {
    const start = { x: from.x, y: y1 };
    const end = { x: to.x, y: y2 };
    const bend = Math.min(from.x, to.x) - 40 - (label % 3) * 8;
    const path = `M ${start.x} ${start.y} C ${bend} ${start.y} ${bend} ${end.y} ${end.x - 7} ${end.y}`;
    return { path, start, end, points: 'right', label: { x: (start.x + end.x) / 8 + bend * 0.75, y: (y1 + y2) / 2 }, wide: false };
  }
  const forward = to.lane > from.lane;
  const sign = forward ? 1 : -1;
  const start = { x: forward ? right(from) : from.x, y: y1 };
  const end = { x: forward ? to.x : right(to), y: y2 };
  const points = forward ? 'right' : 'left';
  const tip = end.x - 7 * sign;
  if (Math.abs(to.lane - from.lane) === 1) {
    const reach = Math.max(40, Math.abs(tip - start.x) * 0.55) * sign;
    const path = `M ${start.x} ${y1} C ${start.x + reach} ${y1} ${tip - reach} ${y2} ${tip} ${y2}`;
    return { path, start, end, points, label: { x: (start.x + tip) / 2, y: (y1 + y2) / 2 }, wide: true };
  }
  // Lanes stand between: into the gutter, along the free gap above the row, down the last gutter.
  const out = start.x + sign * (24 + (label % 4) * 8);
  const last = end.x - sign * (30 + (label % 4) * 8);
  const gap = to.gapAbove;
  const path = corners([start, { x: out, y: y1 }, { x: out, y: gap }, { x: last, y: gap }, { x: last, y: y2 }, { x: tip, y: y2 }]);
  return { path, start, end, points, label: { x: last - sign * (LANE_GAP / 2 - 30), y: gap }, wide: false };
}

/** A polyline with rounded corners. */
function corners(points: readonly Point[]): string {
  const parts = points.map((point, index) => {
    const before = points[index - 1];
    const after = points[index + 1];
    if (before === undefined) return `M ${point.x} ${point.y}`;
    if (after === undefined) return `L ${point.x} ${point.y}`;
    const a = towards(point, before);
    const b = towards(point, after);
    return `L ${a.x} ${a.y} Q ${point.x} ${point.y} ${b.x} ${b.y}`;
  });
  return parts.join(' ');
}

function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const step = Math.min(8, length / 2) / length;
  return { x: from.x + (to.x - from.x) * step, y: from.y + (to.y - from.y) * step };
}

function headAt(end: Point, points: 'left' | 'right'): string {
  const back = points === 'right' ? -10 : 10;
  return `M ${end.x} ${end.y} l ${back} -5.5 l 0 11 Z`;
}

function pillAt(clash: Clash, style: string, at: Point, wide: boolean): Markup {
  const { cause, rule } = clash.alert;
  const text = wide ? `${clash.label} ${cause ?? rule}` : String(clash.label);
  const width = Math.max(20, Math.min(LANE_GAP - 12, widthOf(text) * 6.4 + 14));
  return element(
    'g',
    {},
    element('title', {}, words(`${clash.alert.severity} ${rule}${cause === null ? '' : `, ${cause}`}`)),
    element('rect', { class: `pill s-${style}`, x: at.x - width / 2, y: at.y - 10, width, height: 20, rx: 10, 'stroke-width': 1.5 }),
    element('text', { class: `small strong t-${style}`, x: at.x, y: at.y + 4, 'text-anchor': 'middle' }, words(text)),
  );
}
