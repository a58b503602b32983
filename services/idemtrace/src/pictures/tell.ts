import type { Alert, EvidenceExecution } from '@idemtrace/schemas';
import { compareArguments, disclosedOf } from './arguments.ts';
import { paint, type Style } from './canvas.ts';
import { clean, type Surface, widthOf, wrap } from './cells.ts';
import { SEVERITY_MARKS } from './marks.ts';
import { foreignDocuments } from './picture.ts';
import type { ExecutionView, RetrievalView, WorkflowView } from './view.ts';
import { CAUSE_SENTENCES, EARLIER_SENTENCES, RULE_ADVICE, RULE_SENTENCES } from './words.ts';

/** A part of the story: its title, and paragraphs. */
interface Section {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

/** Fewer columns hold no sentence: narrower terminals break the lines themselves. */
const LEAST_COLUMNS = 20;
/** Most retrievals, and documents of each, that are told. */
const MAX_RETRIEVALS = 6;
const MAX_DOCUMENTS = 8;

/**
 * The lineage of one alert as a person wants to read it: what happened in which attempts, which arguments differ, what it rests on, why, and
 * what to do. Values appear only where the policy let them leave the agent.
 */
export function tellAlert(alert: Alert, view: WorkflowView, options: Partial<Surface> = {}): string {
  const { color = false, unicode = true } = options;
  const columns = Math.max(LEAST_COLUMNS, options.columns ?? 100);
  const story = new Story(alert, view, (text) => clean(text, unicode));
  const style: Style = SEVERITY_MARKS[alert.severity].style;
  const cause = alert.cause === null ? '' : `, ${alert.cause}`;
  const lines = [paint(`${alert.severity} ${alert.rule}${cause}`.slice(0, columns), style, color), ...wrap(story.headline(), columns)];
  for (const { title, paragraphs } of story.sections()) {
    lines.push('', paint(title.slice(0, columns), ['bold'], color));
    for (const paragraph of paragraphs) {
      const indent = /^ */.exec(paragraph)?.[0] ?? '';
      const room = Math.max(1, columns - 2 - indent.length);
      for (const line of wrapKeeping(paragraph.trimStart(), room)) lines.push(`${`  ${indent}`.slice(0, Math.max(0, columns - 1))}${line}`);
    }
  }
  return lines.join('\n');
}

/** Lines that fit stay as they are, spaces included. */
function wrapKeeping(text: string, columns: number): string[] {
  return widthOf(text) <= columns ? [text] : wrap(text.replace(/ +/g, ' '), columns);
}

class Story {
  readonly #alert: Alert;
  readonly #view: WorkflowView;
  readonly #clean: (text: string) => string;
  readonly #executions: ReadonlyMap<string, ExecutionView>;
  readonly #retrievals: ReadonlyMap<string, RetrievalView>;

  constructor(alert: Alert, view: WorkflowView, cleaned: (text: string) => string) {
    this.#alert = alert;
    this.#view = view;
    this.#clean = cleaned;
    this.#executions = new Map(view.runs.flatMap((run) => run.executions).map((execution) => [execution.executionId, execution]));
    this.#retrievals = new Map(view.runs.flatMap((run) => run.retrievals).map((retrieval) => [retrieval.retrievalId, retrieval]));
  }

  headline(): string {
    const { rule, tool, evidence, tenantId, workflowId } = this.#alert;
    if (rule === 'unspecified') return this.#clean(this.#alert.summary);
    const names = {
      tool: this.#clean(tool ?? 'A tool'),
      dataSource: this.#clean(evidence.dataSource ?? 'A data source'),
      tenant: this.#clean(tenantId),
      workflow: this.#clean(workflowId),
    };
    return RULE_SENTENCES[rule](names, this.#alert);
  }

  sections(): Section[] {
    const sections = [this.#happened(), this.#why(), this.#arguments(), this.#grounds(), this.#advice()];
    return sections.filter((section) => section.paragraphs.length > 0);
  }

  #happened(): Section {
    const { evidence, executionId, windowComplete } = this.#alert;
    const earlier = new Map<string, EvidenceExecution>();
    for (const one of [evidence.first, ...evidence.latest, evidence.lastEffective, evidence.judgedAgainst])
      if (one !== null) earlier.set(one.executionId, one);
    const rows = [...earlier.values()]
      .sort((a, b) => a.offset - b.offset)
      .map((one) => this.#row(one, one.executionId === evidence.judgedAgainst?.executionId ? 'the earlier one' : ''));
    const current = executionId === null ? undefined : this.#executions.get(executionId);
    if (current !== undefined && !earlier.has(current.executionId))
      rows.push(this.#row({ ...current, attempt: this.#attemptOf(current.runId) }, 'this one'));
    const told = earlier.size + 1;
    const widths = [0, 1, 2, 3].map((column) => Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ''))));
    const paragraphs = rows.map((row) =>
      row
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
        .join('  ')
        .trimEnd(),
    );
    if (earlier.size > 0 && evidence.executionsAcrossRuns > told)
      paragraphs.push(`${evidence.executionsAcrossRuns} executions in all, in ${evidence.runs} runs.`);
    if (evidence.incomparable > 0)
      paragraphs.push(
        `${evidence.incomparable} earlier executions could not be compared in all that decides, for want of a hash key in common.`,
      );
    if (!windowComplete) paragraphs.push('The log no longer reaches back a whole window: there may have been earlier executions.');
    return { title: 'What happened', paragraphs };
  }

  #row(one: EvidenceExecution, role: string): string[] {
    const tool = this.#executions.get(one.executionId)?.tool;
    const time = Number.isFinite(one.logTime) && Math.abs(one.logTime) < 8.64e15 ? new Date(one.logTime).toISOString().slice(11, 23) : '';
    const where = `attempt ${one.attempt}, step ${one.stepIndex}`;
    return [
      time,
      where,
      this.#clean(one.runId),
      `${one.outcome}${tool === undefined || tool === this.#alert.tool ? '' : ` (${this.#clean(tool)})`}`,
      role,
    ];
  }

  #attemptOf(runId: string): number {
    return this.#view.runs.find((run) => run.runId === runId)?.attempt ?? this.#alert.attempt;
  }

  #why(): Section {
    const { cause, evidence } = this.#alert;
    const paragraphs = [
      ...(cause === null || cause === 'unspecified' ? [] : [CAUSE_SENTENCES[cause]]),
      ...(evidence.judgedAgainst === null ? [] : [EARLIER_SENTENCES[evidence.judgedAgainst.outcome]]),
    ];
    return { title: 'Why', paragraphs };
  }

  #arguments(): Section {
    const current = this.#executions.get(this.#alert.executionId ?? '');
    const earlier = this.#executions.get(this.#alert.evidence.judgedAgainst?.executionId ?? '');
    if (current === undefined) return { title: 'Arguments', paragraphs: [] };
    const paragraphs = earlier === undefined ? [] : compareArguments(earlier, current).map((line) => this.#clean(line));
    if (this.#alert.rule === 'duplicate_execution' && paragraphs.some((line) => !line.startsWith('same'))) {
      paragraphs.push('The inputs count as the same: the policy leaves out what it declares volatile.');
    }
    const values = disclosedOf(earlier, current).map((line) => this.#clean(line));
    return { title: 'Arguments', paragraphs: [...paragraphs, ...values] };
  }

  #grounds(): Section {
    const foreign = foreignDocuments(this.#view);
    const { retrievalId, executionId, evidence } = this.#alert;
    const current = this.#executions.get(executionId ?? '');
    const named = current?.groundedOn ?? [];
    const before = current === undefined || named.length > 0 ? [] : this.#readBefore(current);
    const ids = [...new Set([...(retrievalId === null ? [] : [retrievalId]), ...named, ...before])];
    const paragraphs: string[] = [];
    if (before.length > 0) paragraphs.push('The agent names no grounds; its run had read before:');
    for (const id of ids.slice(0, MAX_RETRIEVALS)) {
      const retrieval = this.#retrievals.get(id);
      if (retrieval === undefined) paragraphs.push(`retrieval ${this.#clean(id)}, which is not in this workflow's records`);
      else paragraphs.push(...this.#retrieval(retrieval, foreign));
    }
    if (ids.length > MAX_RETRIEVALS) paragraphs.push(`and ${ids.length - MAX_RETRIEVALS} more retrievals`);
    if (ids.length === 0)
      paragraphs.push(...evidence.documents.slice(0, MAX_DOCUMENTS).map((document) => this.#document(document, foreign)));
    return { title: 'Rests on', paragraphs };
  }

  #readBefore(current: ExecutionView): string[] {
    const run = this.#view.runs.find((one) => one.executions.includes(current));
    const retrievals = run?.retrievals.filter((retrieval) => retrieval.offset < current.offset) ?? [];
    return retrievals.map((retrieval) => retrieval.retrievalId);
  }

  #retrieval(retrieval: RetrievalView, foreign: ReadonlySet<string>): string[] {
    const { documents, dataSource, stepIndex, runId } = retrieval;
    const rest = documents.length - MAX_DOCUMENTS;
    return [
      `${this.#clean(dataSource)}, read in ${this.#clean(runId)} at step ${stepIndex}:`,
      ...documents.slice(0, MAX_DOCUMENTS).map((document) => `  ${this.#document(document, foreign)}`),
      ...(rest > 0 ? [`  and ${rest} more documents`] : []),
    ];
  }

  #document({ id, tenantId }: { readonly id: string; readonly tenantId: string | null }, foreign: ReadonlySet<string>): string {
    const name = this.#clean(id);
    if (tenantId === null) return `${name}, without a tenant`;
    if (tenantId === this.#view.tenantId) return `${name}, own`;
    return `${name}, of ${this.#clean(tenantId)}${foreign.has(id) ? ': FOREIGN' : ', not flagged'}`;
  }

  #advice(): Section {
    const { suggestion, rule } = this.#alert;
    const advice = suggestion ?? (rule === 'unspecified' ? undefined : RULE_ADVICE[rule]);
    return { title: 'What to do', paragraphs: advice === undefined ? [] : [this.#clean(advice)] };
  }
}
