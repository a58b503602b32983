/** Replays a recording through the pipeline, and counts what came of it. */
import type { HashKey } from '@idemtrace/identity';
import type { Alert, CompiledPolicy, RuleName, Severity } from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk';
import type { Pipeline } from '../pipeline/pipeline.ts';
import { planRecording } from '../recording/plan.ts';
import { readRecording, type SurveyedRecording } from '../recording/read.ts';
import { workflowKey } from '../recording/survey.ts';
import { RecordedEvents } from './recorded-events.ts';

export interface ReplayOptions {
  readonly path: string;
  readonly survey: SurveyedRecording;
  readonly pipeline: Pipeline;
  readonly hashKey: HashKey;
  readonly policy: CompiledPolicy;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  readonly lines: number;
  readonly ofLines: number;
  readonly events: number;
}

export interface ReplayCounts {
  toolCalls: number;
  retrievals: number;
  executions: number;
  workflows: number;
  runs: number;
  /** All events, starts and ends of runs included. */
  events: number;
}

const APPEND_EVENTS = 1000;
/** Events that may wait for the detector: alerts come while the file is still being read. */
const MOST_LAG = 20_000;

/** Appends all of a recording's events; resolves when they are in the log. */
export async function replay({ path, survey, pipeline, hashKey, policy, signal, onProgress }: ReplayOptions): Promise<ReplayCounts> {
  const events = new RecordedEvents({ hashKey, policy, clock: Date.now });
  const workflows = new Set<string>();
  const runs = new Set<string>();
  const counts: ReplayCounts = { toolCalls: 0, retrievals: 0, executions: 0, workflows: 0, runs: 0, events: 0 };
  const executions = new Set<string>();
  let line = 0;
  let waiting: EmittedEvent[] = [];
  const append = async () => {
    signal?.throwIfAborted();
    await pipeline.append(waiting);
    counts.events += waiting.length;
    waiting = [];
    onProgress?.({ lines: line, ofLines: survey.lines, events: counts.events });
    while ((await Promise.race([pipeline.lag(), pipeline.failed])) > MOST_LAG) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  for await (const moments of planRecording(readRecording(path, survey.digest), { digest: survey.digest, survey })) {
    for (const moment of moments) {
      line = Math.max(line, moment.line);
      workflows.add(workflowKey(moment.run));
      if (moment.kind === 'run_started') runs.add(`${workflowKey(moment.run)} ${moment.run.runId}`);
      if (moment.kind === 'retrieval') counts.retrievals += 1;
      if (moment.kind === 'call_started') {
        counts.toolCalls += 1;
        executions.add(moment.executionId);
      }
      waiting.push(events.event(moment));
      if (waiting.length >= APPEND_EVENTS) await append();
    }
  }
  await append();
  return { ...counts, executions: executions.size, workflows: workflows.size, runs: runs.size };
}

/** Every revision of every alert of the recording's workflows that the folder holds, and how many dead letters. */
export interface ReplayOutcome {
  readonly revisions: readonly Alert[];
  readonly deadLetters: number;
}

export async function readOutcome(
  pipeline: Pipeline,
  topics: { readonly alerts: string; readonly deadLetters: string },
): Promise<ReplayOutcome> {
  const { log, codec } = pipeline.store;
  const revisions: Alert[] = [];
  for await (const record of log.tail(topics.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') revisions.push(decoded.record.value);
  }
  let deadLetters = 0;
  for await (const record of log.tail(topics.deadLetters)) {
    const [decoded] = await codec.decode([record]);
    // An erased one is a clock tick.
    if (decoded?.ok && decoded.record.name === 'DeadLetter') deadLetters += 1;
  }
  return { revisions, deadLetters };
}

/** The current revision of each alert, in the order in which they were first published. */
export function currentAlerts(revisions: readonly Alert[]): readonly Alert[] {
  const current = new Map<string, Alert>();
  for (const alert of revisions) {
    const known = current.get(alert.alertId);
    if (known === undefined || alert.revision >= known.revision) current.set(alert.alertId, alert);
  }
  return [...current.values()];
}

export type AlertCounts = Partial<Record<RuleName, Partial<Record<Exclude<Severity, 'unspecified'>, number>>>>;

/** Alerts by rule and severity. */
export function countAlerts(alerts: readonly Alert[]): AlertCounts {
  const counts: AlertCounts = {};
  for (const { rule, severity } of alerts) {
    if (rule === 'unspecified' || severity === 'unspecified') continue;
    counts[rule] ??= {};
    const bySeverity = counts[rule];
    bySeverity[severity] = (bySeverity[severity] ?? 0) + 1;
  }
  return counts;
}
