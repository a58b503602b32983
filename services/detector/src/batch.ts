/** One batch from records to outputs: decode, remember, judge. No commit, no position: those are the loop's. */
import {
  type Alert,
  type AnyRecord,
  type DeadLetter,
  type Decoded,
  deadLetterOf,
  eventKey,
  type PolicyLookup,
  type RawRecord,
} from '@idemtrace/schemas';
import type { Batch, LogRecord, OutputRecord } from '@idemtrace/stream';
import { alertOf } from './alert.ts';
import { contentDigest } from './content-digest.ts';
import { countAlert, countDeadLetter, type DetectorCounters } from './counters.ts';
import { factOf, historiesOf, type JudgedEvent, type PositionedEvent } from './domain/fact.ts';
import { judge } from './domain/judge.ts';
import { type DetectorObserver, traceparentOf } from './observer.ts';
import type { PlacedFact, WindowView } from './windows/port.ts';

/** What the loop needs of the codec. */
export interface DetectorCodec {
  encode(name: 'Alert', value: Alert): Buffer;
  encode(name: 'DeadLetter', value: DeadLetter): Buffer;
  decode(records: readonly RawRecord[]): Promise<readonly Decoded[]>;
}

/** A record of a batch as it was read. */
export type ReadRecord =
  | { readonly kind: 'event'; readonly record: LogRecord; readonly positioned: PositionedEvent; readonly placed: PlacedFact }
  | { readonly kind: 'tick' }
  | { readonly kind: 'invalid'; readonly record: LogRecord; readonly reason: string; readonly detail: string };

/** Decodes a batch's records. Throws where the registry is away; a bad record is a value. */
export async function readBatch(batch: Batch, codec: DetectorCodec): Promise<readonly ReadRecord[]> {
  const decoded = await codec.decode(batch.records);
  return batch.records.map((record, index): ReadRecord => {
    const answer = decoded[index];
    if (answer === undefined) throw new Error('The codec answered fewer records than it was given.');
    if (!answer.ok) return { kind: 'invalid', record, reason: answer.reason, detail: answer.detail };
    if (answer.record.name === 'ClockTick') return { kind: 'tick' };
    const event = judgedEvent(answer.record);
    if (event === undefined) {
      return { kind: 'invalid', record, reason: 'unexpected_record', detail: `A ${answer.record.name} has no place on the events topic.` };
    }
    const { partition, offset, logTime } = record;
    const workflow = eventKey(event.value.tenantId, event.value.workflowId);
    const positioned = { event, partition, offset, logTime, contentDigest: contentDigest(event) };
    return { kind: 'event', record, positioned, placed: { workflow, histories: historiesOf(event), fact: factOf(positioned) } };
  });
}

function judgedEvent(record: AnyRecord): JudgedEvent | undefined {
  switch (record.name) {
    case 'ToolCallEvent':
    case 'RetrievalEvent':
    case 'RunEvent':
      return record;
    case 'Alert':
    case 'DeadLetter':
    case 'ClockTick':
      return undefined;
  }
}

export function factsOf(records: readonly ReadRecord[]): readonly PlacedFact[] {
  return records.flatMap((read) => (read.kind === 'event' ? read.placed : []));
}

export interface JudgeOptions {
  readonly view: WindowView;
  /** Records below it were judged before: they emit nothing. */
  readonly committed: number;
  readonly completeFrom: number;
  readonly policy: PolicyLookup;
  readonly windowMs: number;
  readonly counters: DetectorCounters;
}

/** What comes of a record: an alert for each finding, or that it could not be judged. */
export type Verdict =
  | { readonly kind: 'alert'; readonly record: LogRecord; readonly workflow: string; readonly alert: Alert }
  | { readonly kind: 'invalid'; readonly record: LogRecord; readonly reason: string; readonly detail: string };

/** The verdicts on a batch whose facts are in the windows, in the order of the records. */
export function verdictsOf(records: readonly ReadRecord[], options: JudgeOptions): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  for (const read of records) {
    if (read.kind === 'tick') continue;
    const offset = read.kind === 'event' ? read.positioned.offset : read.record.offset;
    if (offset < options.committed) options.counters.replayed += 1;
    else if (read.kind === 'invalid') verdicts.push(invalid(read.record, read.reason, read.detail, options));
    else verdicts.push(...judgeEvent(read, options));
  }
  return verdicts;
}

function judgeEvent(read: Extract<ReadRecord, { kind: 'event' }>, options: JudgeOptions): readonly Verdict[] {
  const { record, positioned, placed } = read;
  const { workflow, fact } = placed;
  const { view, counters, policy, windowMs } = options;
  const held = view.fact(workflow, fact.id);
  if (held !== undefined && held.offset < positioned.offset) {
    if (held.contentDigest !== positioned.contentDigest) {
      const detail = `Another event of the same identity and other content stands at offset ${held.offset}.`;
      return [invalid(record, 'identity_conflict', detail, options)];
    }
    counters.redeliveries += 1;
    return [];
  }
  counters.events += 1;
  const facts = { history: (key: string) => view.history(workflow, key) };
  const windowComplete = positioned.logTime >= options.completeFrom;
  return judge({ positioned, facts, policy, windowMs }).map((finding) => {
    const alert = alertOf(finding, { cause: positioned, policyVersion: policy.policy.version, windowComplete });
    countAlert(counters, alert);
    return { kind: 'alert', record, workflow, alert };
  });
}

function invalid(record: LogRecord, reason: string, detail: string, { counters }: JudgeOptions): Verdict {
  countDeadLetter(counters, reason);
  return { kind: 'invalid', record, reason, detail };
}

export interface OutputOptions {
  readonly codec: DetectorCodec;
  readonly topics: { readonly alerts: string; readonly deadLetters: string };
  readonly observer: DetectorObserver;
}

/** The records that are published for verdicts: alerts and dead letters, in their order. */
export function outputsOf(verdicts: readonly Verdict[], { codec, topics, observer }: OutputOptions): readonly OutputRecord[] {
  return verdicts.map((verdict): OutputRecord => {
    const { record } = verdict;
    if (verdict.kind === 'invalid') {
      const letter = deadLetterOf(record, verdict.reason, verdict.detail);
      return { topic: topics.deadLetters, key: letter.key, value: codec.encode('DeadLetter', letter) };
    }
    const { alert, workflow } = verdict;
    const output = { topic: topics.alerts, key: workflow, value: codec.encode('Alert', alert) };
    const cause = traceparentOf(record);
    const traceparent = observer.traceAlert === undefined ? cause : observer.traceAlert(alert, cause);
    return traceparent === undefined ? output : { ...output, headers: { traceparent: Buffer.from(traceparent) } };
  });
}
