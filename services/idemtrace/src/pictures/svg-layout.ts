import type { Alert, DocumentRef } from '@idemtrace/schemas';
import type { Item, Lane, Picture } from './picture.ts';
import { alignLanes } from './rows.ts';

export const LANE_WIDTH = 312;
/** Room between lanes, for curves and their labels. */
export const LANE_GAP = 104;
export const MARGIN = 32;
/** Room left of the first lane, for clashes within it. */
const LOOP_ROOM = 44;
export const HEADER_HEIGHT = 66;
export const BOX_HEIGHT = 34;
export const CHIP_HEIGHT = 24;
const LINE_HEIGHT = 18;
const ROW_GAP = 10;
const INDENT = 18;
/** Space within a lane, left and right of its boxes. */
export const LANE_PADDING = 12;

/** Something drawn in a lane, in px. */
export interface PlacedItem {
  readonly item: Item;
  readonly lane: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Middle of the gap above its row, which is free in every lane. */
  readonly gapAbove: number;
}

export interface ElidedMark {
  readonly lane: number;
  readonly y: number;
  readonly steps: number;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Left edge of each lane. */
  readonly lefts: readonly number[];
  readonly top: number;
  readonly bottom: number;
  readonly items: readonly PlacedItem[];
  readonly elided: readonly ElidedMark[];
}

/** Where everything stands, given the heights of what is above and below the lanes. */
export function layoutOf(picture: Picture, above: number, below: number): Layout {
  const { lanes } = picture;
  const looped = loops(picture);
  const lefts = lanes.map((_, lane) => MARGIN + (looped ? LOOP_ROOM : 0) + lane * (LANE_WIDTH + LANE_GAP));
  const items: PlacedItem[] = [];
  const elided: ElidedMark[] = [];
  let y = above + HEADER_HEIGHT + ROW_GAP;
  for (const row of alignLanes(lanes)) {
    let height = 0;
    for (let lane = 0; lane < lanes.length; lane++) {
      if (row.kind === 'elided') {
        const steps = row.steps[lane] ?? 0;
        if (steps > 0) elided.push({ lane, y, steps });
        height = CHIP_HEIGHT;
        continue;
      }
      let at = y;
      for (const item of row.blocks[lane]?.items ?? []) {
        const indent = Math.min(item.depth, 6) * INDENT;
        const x = (lefts[lane] ?? 0) + LANE_PADDING + indent;
        items.push({ item, lane, x, y: at, width: LANE_WIDTH - 2 * LANE_PADDING - indent, gapAbove: y - ROW_GAP / 2 });
        at += heightOf(item) + 6;
      }
      height = Math.max(height, at - y - 6);
    }
    y += height + ROW_GAP;
  }
  const bottom = y + 4;
  const right = (lefts.at(-1) ?? MARGIN) + LANE_WIDTH + MARGIN;
  return { width: Math.max(right, 720), height: bottom + below, lefts, top: above, bottom, items, elided };
}

/** Whether a clash joins two places of one lane. */
function loops(picture: Picture): boolean {
  const laneOf = new Map(picture.lanes.flatMap((lane, index) => idsOf(lane).map((id) => [id, index] as const)));
  return picture.clashes.some(({ from, to }) => laneOf.get(from) === 0 && laneOf.get(to) === 0);
}

function idsOf(lane: Lane): string[] {
  return lane.blocks.flatMap((block) => block.items.map(idOf)).filter((id) => id !== undefined);
}

export function idOf(item: Item): string | undefined {
  if (item.kind === 'execution') return item.execution.executionId;
  return item.kind === 'retrieval' ? item.retrieval.retrievalId : undefined;
}

/** The lines under a box. */
export function notesOf(item: Item): readonly Alert[] {
  return item.kind === 'execution' || item.kind === 'retrieval' ? item.alerts : [];
}

export function chipsOf(item: Item): readonly DocumentRef[] {
  return item.kind === 'retrieval' ? item.foreign : [];
}

export function bodyHeight(item: Item): number {
  return item.kind === 'execution' ? BOX_HEIGHT : CHIP_HEIGHT;
}

/** Y of a note or chip, from the item's top. */
export function belowBody(item: Item, index: number): number {
  const chips = chipsOf(item).length;
  const inChips = Math.min(index, chips) * (CHIP_HEIGHT + 4);
  return bodyHeight(item) + 4 + inChips + Math.max(0, index - chips) * LINE_HEIGHT;
}

function heightOf(item: Item): number {
  const below = chipsOf(item).length + notesOf(item).length;
  return below === 0 ? bodyHeight(item) : belowBody(item, below);
}
