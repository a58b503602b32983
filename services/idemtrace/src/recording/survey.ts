/** What a recording's plan has to know before its first line: where runs and workflows end. One small entry per workflow and run. */
import type { NumberedLine, RecordedLine } from './types.ts';

export interface RecordingSurvey {
  readonly lines: number;
  readonly toolCalls: number;
  readonly retrievals: number;
  readonly workflows: number;
  readonly runs: number;
  /** Tenants in the order of their first lines. */
  readonly tenants: readonly string[];
  /** Last line of each workflow, by `workflowKey`. */
  readonly lastLineOfWorkflow: ReadonlyMap<string, number>;
  /** Last line of each run that has lines after another run of its workflow began, by `runKey`. */
  readonly lastLineOfResumedRun: ReadonlyMap<string, number>;
}

/** One workflow's name among all: the tenant's length goes first, so that no two pairs make the same key. */
export function workflowKey(line: Pick<RecordedLine, 'tenantId' | 'workflowId'>): string {
  return `${line.tenantId.length}:${line.tenantId}${line.workflowId}`;
}

/** One run's name among all. */
export function runKey(line: Pick<RecordedLine, 'tenantId' | 'workflowId' | 'runId'>): string {
  return `${line.tenantId.length}:${line.workflowId.length}:${line.tenantId}${line.workflowId}${line.runId}`;
}

interface WorkflowState {
  lastLine: number;
  readonly runs: Set<string>;
  latestRun: string;
}

/** Gathers a survey from a file's lines, in their order. */
export class Surveyor {
  readonly #workflows = new Map<string, WorkflowState>();
  readonly #resumed = new Map<string, number>();
  readonly #tenants = new Set<string>();
  #lines = 0;
  #toolCalls = 0;
  #runs = 0;

  add({ number, value }: NumberedLine): void {
    this.#lines += 1;
    if (value.kind === 'tool_call') this.#toolCalls += 1;
    this.#tenants.add(value.tenantId);
    const key = workflowKey(value);
    let workflow = this.#workflows.get(key);
    if (workflow === undefined) {
      workflow = { lastLine: number, runs: new Set(), latestRun: value.runId };
      this.#workflows.set(key, workflow);
    }
    workflow.lastLine = number;
    if (!workflow.runs.has(value.runId)) {
      workflow.runs.add(value.runId);
      workflow.latestRun = value.runId;
      this.#runs += 1;
    } else if (workflow.latestRun !== value.runId) {
      this.#resumed.set(runKey(value), number);
    }
  }

  survey(): RecordingSurvey {
    return {
      lines: this.#lines,
      toolCalls: this.#toolCalls,
      retrievals: this.#lines - this.#toolCalls,
      workflows: this.#workflows.size,
      runs: this.#runs,
      tenants: [...this.#tenants],
      lastLineOfWorkflow: new Map([...this.#workflows].map(([key, { lastLine }]) => [key, lastLine])),
      lastLineOfResumedRun: this.#resumed,
    };
  }
}

/** The survey of lines that are in memory already. */
export function surveyOf(lines: readonly RecordedLine[]): RecordingSurvey {
  const surveyor = new Surveyor();
  lines.forEach((value, index) => {
    surveyor.add({ number: index + 1, value });
  });
  return surveyor.survey();
}
