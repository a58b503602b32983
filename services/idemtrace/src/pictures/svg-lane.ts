import type { DocumentRef } from '@idemtrace/schemas';
import { shorten, widthOf } from './cells.ts';
import { endOf } from './lines.ts';
import { CLASS_MARKS, OUTCOME_MARKS } from './marks.ts';
import type { ElidedItems, ExecutionItem, RetrievalItem, SubRunItem } from './picture.ts';
import { element, type Markup, words } from './svg-elements.ts';
import {
  BOX_HEIGHT,
  belowBody,
  CHIP_HEIGHT,
  chipsOf,
  HEADER_HEIGHT,
  LANE_PADDING,
  LANE_WIDTH,
  notesOf,
  type PlacedItem,
} from './svg-layout.ts';
import { CLASS_CLASSES, outcomeIcon, SEVERITY_CLASSES } from './svg-theme.ts';
import type { RunView } from './view.ts';

/** Width of a column of text, in px. */
const MONO = 7.55;
const SMALL = 6.3;

/** A lane's ground and its header. */
export function drawLane(run: RunView, left: number, top: number, bottom: number): Markup {
  const end = endOf(run);
  const agent = [run.agentId, run.agentVersion].filter((part) => part !== null).join(' ');
  const x = left + LANE_PADDING;
  const room = LANE_WIDTH - 2 * LANE_PADDING;
  const id = [run.runId, agent].filter((part) => part !== '').join(' · ');
  const attempt = `Attempt ${run.attempt}`;
  return element(
    'g',
    {},
    element('title', {}, words(`${attempt}, ${id}, ${end.text}`)),
    element('rect', { class: 'lane', x: left, y: top, width: LANE_WIDTH, height: bottom - top, rx: 10 }),
    element('text', { class: 'head ink', x, y: top + 26 }, words(attempt)),
    element(
      'text',
      { class: `small strong t-${END_CLASSES[end.text] ?? 'dim'}`, x: x + room, y: top + 26, 'text-anchor': 'end' },
      words(end.text),
    ),
    element('text', { class: 'small t-dim', x, y: top + 46 }, words(shorten(id, Math.floor(room / SMALL), '…'))),
    element('path', { class: 'edge', d: `M ${x} ${top + HEADER_HEIGHT - 8} h ${room}` }),
  );
}

const END_CLASSES: Readonly<Record<string, string>> = { succeeded: 'green', failed: 'red', suspended: 'blue', 'no end seen': 'amber' };

/** One item with what stands below it. */
export function drawItem(placed: PlacedItem, tenantId: string): Markup {
  const { item, x, y, width } = placed;
  switch (item.kind) {
    case 'execution':
      return element('g', {}, drawExecution(item, placed), ...drawNotes(placed));
    case 'retrieval':
      return element(
        'g',
        {},
        drawRetrieval(item, placed),
        ...chipsOf(item).map((document, index) => drawChip(document, tenantId, placed, index)),
        ...drawNotes(placed),
      );
    case 'subrun':
      return drawSubRun(item, placed);
    case 'elided':
      return drawElided(item, x, y, width);
  }
}

function drawExecution({ execution, ends, affected, minor }: ExecutionItem, { x, y, width }: PlacedItem): Markup {
  const worst = ends[0]?.clash.alert.severity;
  const doubtful = execution.outcome === 'unknown' || execution.outcome === 'started';
  const edge = worst === undefined ? `edge${doubtful ? ' dashed' : ''}` : `s-${SEVERITY_CLASSES[worst]} thick`;
  const effect = CLASS_MARKS[execution.effectClass].word;
  const middle = y + BOX_HEIGHT / 2;
  const step = String(execution.stepIndex);
  const nameAt = x + 14 + step.length * SMALL + 6;
  const tagWidth = widthOf(effect) * 5.8 + 34;
  const name = shorten(execution.tool, Math.floor((x + width - tagWidth - nameAt) / MONO), '…');
  const marks = [...ends.map(({ clash }) => `clash ${clash.label}`), ...(minor > 0 ? [`${minor} alerts not told here`] : [])];
  const tooltip = [execution.tool, `step ${step}`, effect, OUTCOME_MARKS[execution.outcome].word, execution.executionId, ...marks].join(
    ', ',
  );
  return element(
    'g',
    {},
    element('title', {}, words(tooltip)),
    element('rect', { class: `b-${CLASS_CLASSES[execution.effectClass]} ${edge}`, x, y, width, height: BOX_HEIGHT, rx: 7 }),
    element('text', { class: 'small t-dim', x: x + 10, y: middle + 4 }, words(step)),
    element('text', { class: `mono ink${affected ? ' strong' : ''}`, x: nameAt, y: middle + 4.5 }, words(name)),
    element('text', { class: 'small t-dim', x: x + width - 28, y: middle + 4, 'text-anchor': 'end' }, words(effect)),
    outcomeIcon(execution.outcome, x + width - 15, middle),
  );
}

function drawRetrieval({ retrieval }: RetrievalItem, { x, y, width }: PlacedItem): Markup {
  const count = `${retrieval.documents.length} ${retrieval.documents.length === 1 ? 'document' : 'documents'}`;
  const source = shorten(retrieval.dataSource, Math.floor((width - 40 - widthOf(count) * SMALL) / MONO), '…');
  const middle = y + CHIP_HEIGHT / 2;
  return element(
    'g',
    {},
    element('title', {}, words(`retrieval from ${retrieval.dataSource}: ${retrieval.documents.map((document) => document.id).join(', ')}`)),
    element('circle', { class: 's-dim open icon', cx: x + 14, cy: middle - 1, r: 4.5, 'stroke-width': 1.5 }),
    element('path', { class: 's-dim open icon', d: `M ${x + 17.5} ${middle + 2.5} l 3.5 3.5` }),
    element('text', { class: 'mono ink', x: x + 28, y: middle + 4 }, words(source)),
    element('text', { class: 'small t-dim', x: x + width - 8, y: middle + 4, 'text-anchor': 'end' }, words(count)),
  );
}

function drawChip({ id, tenantId: owner }: DocumentRef, tenantId: string, { item, x, y, width }: PlacedItem, index: number): Markup {
  const full = owner === null || owner === tenantId ? id : `${id} of ${owner}`;
  const text = shorten(full, Math.floor((width - 70) / SMALL), '…');
  const chip = Math.min(width - 28, widthOf(text) * SMALL + 38);
  const top = y + belowBody(item, index);
  return element(
    'g',
    {},
    element('title', {}, words(`another tenant’s document: ${full}`)),
    element('rect', { class: 'b-flag s-red', x: x + 28, y: top, width: chip, height: CHIP_HEIGHT - 2, rx: 11 }),
    element('path', { class: 's-red f-red icon', d: `M ${x + 41} ${top + 16} v -10 l 7 2.8 l -7 2.8`, 'stroke-width': 1.5 }),
    element('text', { class: 'small strong t-red', x: x + 54, y: top + 15 }, words(text)),
  );
}

/** The alerts told at an item, one line each. */
function drawNotes({ item, x, y, width }: PlacedItem): Markup[] {
  const chips = chipsOf(item).length;
  return notesOf(item).map((alert, index) => {
    const whole = `${alert.severity} ${alert.rule}${alert.cause === null ? '' : ` · ${alert.cause}`}`;
    const text = shorten(whole, Math.floor((width - 16) / SMALL), '…');
    const line = y + belowBody(item, chips + index) + 13;
    return element(
      'text',
      { class: `small strong t-${SEVERITY_CLASSES[alert.severity]}`, x: x + 10, y: line },
      element('title', {}, words(`${whole}: ${alert.summary}`)),
      words(text),
    );
  });
}

function drawSubRun({ run }: SubRunItem, { x, y, width }: PlacedItem): Markup {
  const end = endOf(run);
  const name = run.agentId === null ? run.runId : `${run.agentId} · ${run.runId}`;
  const text = shorten(name, Math.floor((width - 24 - widthOf(end.text) * SMALL) / SMALL), '…');
  return element(
    'g',
    {},
    element('title', {}, words(`sub-agent ${name}, ${end.text}`)),
    element('path', { class: 's-blue open icon', d: `M ${x - 8} ${y} v 12 h 8`, 'stroke-width': 1.5 }),
    element('text', { class: 'small strong t-blue', x: x + 6, y: y + 16 }, words(text)),
    element(
      'text',
      { class: `small t-${END_CLASSES[end.text] ?? 'dim'}`, x: x + width - 8, y: y + 16, 'text-anchor': 'end' },
      words(end.text),
    ),
  );
}

function drawElided({ count }: ElidedItems, x: number, y: number, width: number): Markup {
  return element('text', { class: 'small t-dim', x: x + width / 2, y: y + 16, 'text-anchor': 'middle' }, words(`… ${count} more …`));
}
