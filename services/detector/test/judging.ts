/** The alerts of a story, judged against any window store in batches of any size, as the loop does it but for the log. */
import type { Alert } from '@idemtrace/schemas';
import { EMPTY_POLICY, eventKey, PolicyLookup } from '@idemtrace/schemas';
import { alertOf } from '../src/alert.ts';
import { contentDigest } from '../src/content-digest.ts';
import { factOf, historiesOf, type JudgedEvent, type PositionedEvent } from '../src/domain/fact.ts';
import { judge } from '../src/domain/judge.ts';
import type { WindowStore } from '../src/windows/port.ts';

export interface TimedEvent {
  readonly event: JudgedEvent;
  /** ms since the story's start; never falls. */
  readonly at: number;
}

export interface JudgingOptions {
  readonly store: WindowStore;
  readonly windowMs: number;
  readonly windowId: string;
  /** How many events go into the n-th batch. */
  readonly batchOf: (n: number) => number;
  /** Called before each batch: what happens to the store in between. */
  readonly between?: (n: number, from: number) => Promise<void>;
}

const START = 1_760_000_000_000;

export function positionedOf(events: readonly TimedEvent[]): readonly PositionedEvent[] {
  return events.map(({ event, at }, offset) => ({ event, partition: 0, offset, logTime: START + at, contentDigest: contentDigest(event) }));
}

export function batchOf(slice: readonly PositionedEvent[]) {
  return slice.map((each) => ({
    workflow: eventKey(each.event.value.tenantId, each.event.value.workflowId),
    histories: historiesOf(each.event),
    fact: factOf(each),
  }));
}

export async function alertsOf(events: readonly TimedEvent[], options: JudgingOptions): Promise<readonly Alert[]> {
  const { store, windowMs, windowId, between } = options;
  const policy = new PolicyLookup(EMPTY_POLICY);
  const positioned = positionedOf(events);
  await store.begin(0, { windowId, lo: 0, committed: 0, completeFrom: 0 });
  const alerts: Alert[] = [];
  for (let from = 0, n = 0; from < positioned.length; n++) {
    const slice = positioned.slice(from, from + options.batchOf(n));
    await between?.(n, from);
    const to = from + slice.length;
    const facts = batchOf(slice);
    const applied = await store.apply({ partition: 0, windowId, from, to, committed: from, facts });
    if (applied.status === 'lost') throw new Error(`lost at ${from}`);
    for (const [index, each] of slice.entries()) {
      const { workflow, fact } = facts[index] ?? { workflow: '', fact: factOf(each) };
      const held = applied.view.fact(workflow, fact.id);
      if (held !== undefined && held.offset < each.offset) continue;
      const lookup = { history: (key: string) => applied.view.history(workflow, key) };
      for (const finding of judge({ positioned: each, facts: lookup, policy, windowMs })) {
        alerts.push(alertOf(finding, { cause: each, policyVersion: 'v', windowComplete: true }));
      }
    }
    from = to;
  }
  return alerts;
}
