import type { Alert, DocumentRef } from '@idemtrace/schemas';
import type { Span, Style } from './canvas.ts';
import { clean, shorten, widthOf } from './cells.ts';
import { ASCII_GLYPHS, CLASS_MARKS, type Glyphs, type Mark, OUTCOME_MARKS, SEVERITY_MARKS, UNICODE_GLYPHS } from './marks.ts';
import type { Clash, ElidedItems, ExecutionItem, Item, RetrievalItem } from './picture.ts';
import type { RunView } from './view.ts';

/** A line of a lane; `anchor` is the id of the execution or retrieval that clashes are joined to here. */
export interface LaneLine {
  readonly indent: number;
  readonly spans: readonly Span[];
  readonly anchor?: string;
}

const DIM: Style = ['dim'];
const FOREIGN: Style = ['red', 'bold'];

/** How a clash's line and labels look. */
export function clashStyle(clash: Clash): Style {
  return SEVERITY_MARKS[clash.alert.severity].style;
}

/** Makes the lines of lanes so many columns wide. */
export class LaneLines {
  readonly glyphs: Glyphs;
  readonly #tenantId: string;
  readonly #unicode: boolean;
  readonly #width: number;
  /** Columns of the step's number. */
  readonly #stepWidth: number;

  constructor(options: { tenantId: string; unicode: boolean; width: number; lastStep: number }) {
    this.glyphs = options.unicode ? UNICODE_GLYPHS : ASCII_GLYPHS;
    this.#tenantId = options.tenantId;
    this.#unicode = options.unicode;
    this.#width = options.width;
    this.#stepWidth = String(options.lastStep).length;
  }

  header(run: RunView): LaneLine[] {
    const end = endOf(run);
    const agent = [run.agentId, run.agentVersion].filter((part) => part !== null).join(' ');
    const title: Span[] = [
      { text: `attempt ${run.attempt}`, style: ['bold'] },
      { text: ` ${this.glyphs.dot} ` },
      { text: end.text, style: end.style },
    ];
    const who = [run.runId, agent].filter((part) => part !== '').join(` ${this.glyphs.dot} `);
    return [
      { indent: 0, spans: title },
      { indent: 0, spans: [{ text: this.#fit(who, this.#width), style: DIM }] },
      { indent: 0, spans: [{ text: this.glyphs.rule.repeat(Math.max(0, this.#width)), style: DIM }] },
    ];
  }

  of(item: Item): LaneLine[] {
    switch (item.kind) {
      case 'execution':
        return this.#execution(item);
      case 'retrieval':
        return this.#retrieval(item);
      case 'subrun':
        return [this.#subRun(item.run, item.depth)];
      case 'elided':
        return [this.#elided(item)];
    }
  }

  elidedSteps(steps: number): LaneLine {
    return {
      indent: 0,
      spans: [{ text: `${this.glyphs.elided} ${steps} ${steps === 1 ? 'step' : 'steps'} ${this.glyphs.elided}`, style: DIM }],
    };
  }

  #execution(item: ExecutionItem): LaneLine[] {
    const { execution } = item;
    const outcome = OUTCOME_MARKS[execution.outcome];
    const effect = CLASS_MARKS[execution.effectClass];
    const before: Span[] = [
      { text: `${String(execution.stepIndex).padStart(this.#stepWidth)} `, style: DIM },
      { text: this.#glyph(outcome), style: outcome.style },
      { text: ' ' },
      { text: this.#glyph(effect), style: effect.style },
      { text: ' ' },
    ];
    const after = this.#after(item);
    const indent = this.#indent(item.depth);
    const clash = item.ends[0]?.clash;
    const style: Style =
      clash !== undefined ? [...clashStyle(clash), 'bold'] : item.affected ? ['bold'] : execution.effectClass === 'read' ? DIM : [];
    const tool = { text: this.#fit(execution.tool, this.#width - indent - lengthOf(before) - lengthOf(after)), style };
    return [
      { indent, spans: [...before, tool, ...after], anchor: execution.executionId },
      ...item.alerts.flatMap((alert) => this.#alert(alert, indent)),
    ];
  }

  #retrieval(item: RetrievalItem): LaneLine[] {
    const { retrieval, foreign } = item;
    const count = `${retrieval.documents.length} ${retrieval.documents.length === 1 ? 'document' : 'documents'}`;
    const indent = this.#indent(item.depth);
    const after = [{ text: ` ${count}`, style: DIM }, ...this.#after(item)];
    const before = `${' '.repeat(this.#stepWidth)} ${this.glyphs.retrieval} `;
    const source = this.#fit(retrieval.dataSource, this.#width - indent - widthOf(before) - lengthOf(after));
    const clash = item.ends[0]?.clash;
    const style: Style = clash === undefined ? [] : clashStyle(clash);
    return [
      { indent, spans: [{ text: before, style: ['cyan'] }, { text: source, style }, ...after], anchor: retrieval.retrievalId },
      ...foreign.map((document) => this.#foreign(document, indent)),
      ...item.alerts.flatMap((alert) => this.#alert(alert, indent)),
    ];
  }

  #foreign(document: DocumentRef, depth: number): LaneLine {
    const indent = depth + this.#stepWidth + 3;
    const owner = document.tenantId === null || document.tenantId === this.#tenantId ? '' : ` of ${document.tenantId}`;
    const flag = `${this.glyphs.foreign} `;
    return { indent, spans: [{ text: `${flag}${this.#fit(document.id + owner, this.#width - indent - widthOf(flag))}`, style: FOREIGN }] };
  }

  #alert(alert: Alert, depth: number): LaneLine[] {
    const { style } = SEVERITY_MARKS[alert.severity];
    const indent = depth + this.#stepWidth + 3;
    const line = (text: string, more = 0) => ({
      indent: indent + more,
      spans: [{ text: this.#fit(text, this.#width - indent - more), style }],
    });
    const what = `${this.#glyph(SEVERITY_MARKS[alert.severity])} ${alert.severity} ${alert.rule}`;
    if (alert.cause === null) return [line(what)];
    const whole = `${what} ${this.glyphs.dot} ${alert.cause}`;
    return widthOf(whole) <= this.#width - indent ? [line(whole)] : [line(what), line(alert.cause, 2)];
  }

  #subRun(run: RunView, depth: number): LaneLine {
    const indent = this.#indent(depth);
    const end = endOf(run);
    const head = `${this.glyphs.nested} `;
    const tail = ` ${end.text}`;
    const name = run.agentId === null ? run.runId : `${run.agentId} ${this.glyphs.dot} ${run.runId}`;
    const fitted = this.#fit(name, this.#width - indent - widthOf(head) - widthOf(tail));
    return {
      indent,
      spans: [
        { text: head, style: DIM },
        { text: fitted, style: ['blue'] },
        { text: tail, style: end.style },
      ],
    };
  }

  #elided(item: ElidedItems): LaneLine {
    return {
      indent: this.#indent(item.depth),
      spans: [{ text: `${this.glyphs.elided} ${item.count} more ${this.glyphs.elided}`, style: DIM }],
    };
  }

  #after(item: ExecutionItem | RetrievalItem): Span[] {
    const labels = item.ends.map(({ clash }) => ({ text: ` ${this.glyphs.label(clash.label)}`, style: clashStyle(clash) }));
    const minor = item.minor === 0 ? [] : [{ text: ' i', style: SEVERITY_MARKS.info.style }];
    return [...minor, ...labels.slice(0, 4)];
  }

  /** Deep nesting must leave room for names. */
  #indent(depth: number): number {
    return Math.min(depth * 2, Math.floor(this.#width / 4));
  }

  #glyph(mark: Mark): string {
    return this.#unicode ? mark.unicode : mark.ascii;
  }

  #fit(text: string, width: number): string {
    return shorten(clean(text, this.#unicode), width, this.glyphs.ellipsis);
  }
}

function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + widthOf(text), 0);
}

/** How a run ended. */
export function endOf(run: RunView): { readonly text: string; readonly style: Style } {
  if (run.status === 'succeeded') return { text: 'succeeded', style: ['green'] };
  if (run.status === 'failed') return { text: 'failed', style: ['red'] };
  if (run.status === 'unspecified') return { text: 'ended', style: [] };
  if (run.suspended) return { text: 'suspended', style: ['blue'] };
  return { text: 'no end seen', style: ['yellow'] };
}
