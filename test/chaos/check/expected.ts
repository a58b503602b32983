/** What must have come of what was written, by the simulation's oracle: brute force, workflow by workflow, without a line of the detector's. */
import type { Store } from 'idemtrace/internal';
import { expectedOf, type OraclePolicy } from '../../simulation/oracle.ts';
import { SHARED_TENANT, TOOLS } from '../load/play.ts';
import { decoded, distinctEvents, type Written } from './written.ts';

export interface ExpectedOutcome {
  /** `tenant/workflow rule trigger subject revision severity cause`. */
  readonly alerts: readonly string[];
  /** `partition/offset`. */
  readonly deadLetters: readonly string[];
  /** Events, each once. */
  readonly events: number;
  /** Records that brought an event again. */
  readonly redeliveries: number;
}

const POLICY: OraclePolicy = {
  effects: Object.fromEntries(Object.entries(TOOLS).flatMap(([name, effect]) => (effect === undefined ? [] : [[name, effect]]))),
  sharedTenants: [SHARED_TENANT],
  loopThreshold: 5,
  deadlineMs: 5 * 60_000,
};

export async function expectedOutcome({ workflows, poison }: Written, codec: Store['codec'], windowMs: number): Promise<ExpectedOutcome> {
  const alerts: string[] = [];
  const deadLetters = poison.map(({ partition, offset }) => `${partition}/${offset}`);
  let [events, records] = [0, 0];
  for (const [name, written] of workflows) {
    const ofWorkflow = await decoded(codec, written);
    events += distinctEvents(ofWorkflow);
    records += ofWorkflow.length;
    const entries = ofWorkflow.map((each) => ({ kind: 'event' as const, ...each, variant: 0 }));
    const expected = expectedOf(entries, windowMs, () => POLICY);
    for (const alert of expected.alerts) alerts.push(`${name} ${alert}`);
    for (const letter of expected.deadLetters) deadLetters.push(letter);
  }
  return { alerts, deadLetters, events, redeliveries: records - events };
}
