/**
 * A simulated company: three tenants, forty logical workflows, agents that are scripts, services with a state in code. The same seed gives
 * the same recording, byte for byte.
 */
import type { RecordedLine } from '../recording/types.ts';
import type { Label } from './oracle.ts';
import type { Entry } from './play.ts';
import { Random } from './random.ts';
import { type Seam, straightThrough } from './seam.ts';
import { type Row, Store } from './store.ts';
import { CAST } from './stories/cast.ts';
import { MINUTE } from './stories/setting.ts';
import { Workflow } from './workflow.ts';

export interface Simulation {
  /** Ordered by time. */
  readonly lines: readonly RecordedLine[];
  /** One for each line, in the same order. */
  readonly labels: readonly Label[];
  /** The company's state at the end of the day. */
  readonly store: Store;
}

export interface SimulationOptions {
  /** Stands between the agents and their tools. Default: nothing does. */
  readonly seam?: Seam;
}

export const TENANTS = ['acme', 'borealis', 'cobalt'] as const;

const DAY_STARTS = Date.UTC(2026, 10, 2, 7, 30);
const FIRST_WORDS = [
  'Hollin',
  'Marrow',
  'Tessel',
  'Quill',
  'Brindle',
  'Oakum',
  'Larder',
  'Fennel',
  'Pewter',
  'Saddle',
  'Thistle',
  'Copper',
];
const SECOND_WORDS = ['Bakery', 'Works', 'Books', 'Garden', 'Supply', 'Studio', 'Mills'];

/** Plays one day of the company. */
export async function simulate(seed: number, { seam = straightThrough }: SimulationOptions = {}): Promise<Simulation> {
  const random = new Random(`company ${seed}`);
  const store = new Store();
  const numbers = new Map(TENANTS.map((tenantId) => [tenantId, random.shuffled(Array.from({ length: 60 }, (_, index) => index + 50))]));
  const entries: Entry[] = [];
  for (const [index, { tenantId, story, number: fixed }] of CAST.entries()) {
    const number = fixed ?? numbers.get(tenantId)?.pop() ?? index;
    const customer = newCustomer(random, tenantId, number);
    store.put('customers', customer);
    const workflowId = story.workflowId(customer.id);
    const origin = `${seed}/${tenantId}/${workflowId}`;
    const workflow = new Workflow({ tenantId, workflowId, origin, store, random: random.fork(origin), seam });
    await story.play(workflow, { customer, startsAt: DAY_STARTS + random.int(0, 8 * 60) * MINUTE });
    entries.push(...workflow.entries);
  }
  // The sort is stable: what a workflow did at the same moment stays in its order.
  entries.sort((a, b) => a.at - b.at);
  return { lines: entries.map(({ line }) => line), labels: entries.map(({ label }) => label), store };
}

function newCustomer(random: Random, tenantId: string, number: number): Row<'customers'> {
  const id = `${tenantId}-${String(number).padStart(3, '0')}`;
  const first = random.pick(FIRST_WORDS);
  const name = `${first} ${random.pick(SECOND_WORDS)}`;
  return {
    id,
    tenant_id: tenantId,
    name,
    email: `${first.toLowerCase()}.${number}@example.com`,
    calendar_id: `cal_${id.replace('-', '_')}`,
  };
}
