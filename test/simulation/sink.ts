/**
 * One simulated run of the lineage sink: the real one, over a simulated log and a simulated ClickHouse. L1: each record once in lineage, and no
 * offset is committed before its rows are stored.
 */
import { startSink } from '@idemtrace/lineage/internal';
import { type Codec, createCodec, eventKey, fileRegistry } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { codecOf, type RegistryFaults } from './codec.ts';
import { Cluster, type LogFaults, logOf, TOPICS } from './log.ts';
import { createRandom } from './random.ts';
import { scenario, TENANT, workflowName } from './scenario.ts';
import type { Run, SimulateOptions } from './simulate.ts';
import { positionOf, Store, type StoreFaults } from './store.ts';
import { type Process, World } from './world.ts';

type Faults = LogFaults & StoreFaults & RegistryFaults & { crash: number };

const START = 1_760_000_000_000;
const MOST_STEPS = 30_000;

let sharedCodec: Promise<Codec> | undefined;

export async function simulateSink(seed: number, options: SimulateOptions = {}): Promise<Run> {
  sharedCodec ??= createCodec({ registry: fileRegistry() });
  return new SinkSimulation(seed, await sharedCodec, options).run();
}

/** A record of the log, and what must become of it. */
interface Told {
  readonly value: Buffer;
  readonly workflow: number;
  readonly fate: 'row' | 'refused' | 'passed over';
}

class SinkSimulation {
  readonly #seed: number;
  readonly #codec: Codec;
  readonly #world: World;
  readonly #faults: Faults;
  readonly #rebalance: number;
  readonly #cluster: Cluster;
  readonly #store: Store;
  readonly #records: readonly Told[];
  readonly #faultsAfter: number;
  /** By position. */
  readonly #fates = new Map<string, Told['fate']>();
  readonly #differences: string[] = [];
  /** Of each partition the offset up to which it is known that what was committed is stored. */
  readonly #checked: number[];
  #processes: Process[] = [];
  #spawned = 0;
  /** One sink that nothing interrupts: what is tried again is told by the tokens of inserts alone, and no row is stored twice. */
  readonly #isSteady: boolean;

  constructor(seed: number, codec: Codec, { coverage = new Map(), trace = false, deliveries, faultsAfter }: SimulateOptions) {
    const random = createRandom(seed);
    this.#seed = seed;
    this.#codec = codec;
    this.#world = new World(random, coverage, trace ? [] : undefined);
    const rate = (most: number) => (random.chance(0.5) ? 0 : random.next() * most);
    this.#isSteady = random.chance(0.2);
    const unsteady = (most: number) => (this.#isSteady ? 0 : rate(most));
    this.#faults = {
      away: unsteady(0.05),
      inDoubt: unsteady(0.2),
      zombie: unsteady(0.9),
      refetch: unsteady(0.1),
      storeAway: rate(0.3),
      acknowledgementLost: rate(0.4),
      registry: rate(0.2),
      crash: unsteady(0.03),
    };
    this.#rebalance = unsteady(0.03);
    const partitions = 1 + random.below(3);
    this.#cluster = new Cluster(this.#world, partitions, this.#faults);
    this.#checked = Array.from({ length: partitions }, () => 0);
    this.#store = new Store(this.#world, this.#faults, (record) => this.#fates.get(positionOf(record)) === 'refused');
    const refusal = rate(0.1);
    const all = scenario(random, { workflows: 1 + random.below(3), steps: 1 + random.below(6) }).map((delivery): Told => {
      if (delivery.kind === 'poison') return { value: delivery.bytes, workflow: delivery.workflow, fate: 'passed over' };
      const { name, value } = delivery.event;
      const workflow = Number(value.workflowId.split('-').at(-1));
      const bytes = codec.encode(name as 'RunEvent', value as never);
      return { value: bytes, workflow, fate: random.chance(refusal) ? 'refused' : 'row' };
    });
    this.#records = all.slice(0, deliveries ?? all.length);
    this.#faultsAfter = faultsAfter ?? Number.POSITIVE_INFINITY;
  }

  async run(): Promise<Run> {
    const { random } = this.#world;
    const sinks = this.#isSteady ? 1 : 1 + random.below(2);
    let steps = 0;
    let appended = 0;
    for (; ; steps++) {
      if (steps > MOST_STEPS) {
        this.#differences.push('the run does not end');
        break;
      }
      const isCalm = appended === this.#records.length || steps > this.#faultsAfter;
      if (isCalm) for (const fault of Object.keys(this.#faults) as (keyof Faults)[]) this.#faults[fault] = 0;
      while (this.#processes.filter(({ alive }) => alive).length < sinks) this.#spawn();
      if (appended < this.#records.length && (this.#world.idle || random.chance(0.3))) {
        this.#append(appended);
        appended += 1;
        continue;
      }
      if (!isCalm && random.chance(this.#rebalance)) {
        this.#world.count('fault: rebalance');
        this.#world.tell('rebalance');
        this.#cluster.rebalance();
      }
      const went = await this.#world.step(!isCalm && random.chance(this.#faults.crash));
      this.#checkCommitted();
      if (!went && appended === this.#records.length) break;
    }
    return this.#ended(steps);
  }

  #append(index: number): void {
    const told = this.#records[index];
    if (told === undefined) return;
    const partition = told.workflow % this.#cluster.partitions.length;
    const key = Buffer.from(eventKey(TENANT, workflowName(told.workflow)));
    const gap = this.#world.random.chance(0.1) ? 1 : 0;
    const offset = this.#cluster.append(partition, { key, value: told.value, logTime: START + index }, gap);
    this.#fates.set(positionOf({ partition, offset }), told.fate);
    this.#world.tell(`${partition}/${offset}: ${told.fate}`);
  }

  #spawn(): void {
    this.#processes = this.#processes.filter(({ alive }) => alive);
    const process: Process = { name: `sink ${this.#spawned++}`, alive: true };
    this.#processes.push(process);
    const world = this.#world;
    startSink({
      log: eventsAlone(logOf(this.#cluster, process)),
      codec: codecOf(this.#codec, process, world, this.#faults),
      topics: TOPICS,
      group: 'sink',
      batch: { maxRows: 1 + world.random.below(10) },
      clock: () => START,
      insert: (insert) => this.#store.insert(process, insert),
      wait: () => world.turn(process, 'wait'),
    });
  }

  /** L1, at every moment: below a committed offset every record is stored, or is a dead letter, or is none. */
  #checkCommitted(): void {
    for (const [partition, { records, committed }] of this.#cluster.partitions.entries()) {
      const checked = this.#checked[partition] ?? 0;
      if (committed <= checked) continue;
      const letters = this.#letters();
      for (const record of records) {
        if (record.offset < checked || record.offset >= committed) continue;
        const at = positionOf(record);
        const fate = this.#fates.get(at);
        if (fate === 'row' && !this.#store.rows.includes(at)) this.#differences.push(`committed before it was stored: ${at}`);
        if (fate === 'refused' && !letters.includes(at)) this.#differences.push(`committed without its dead letter: ${at}`);
      }
      this.#checked[partition] = committed;
    }
  }

  /** Positions that dead letters are of; there are none but those of refused rows. */
  #letters(): readonly string[] {
    return this.#cluster.outputs.map(({ record }) => {
      const decoded = this.#codec.decodeKnown({ key: null, value: record.value, logTime: START });
      if (decoded?.ok !== true || decoded.record.name !== 'DeadLetter') throw new Error('an output that is no dead letter');
      return positionOf(decoded.record.value);
    });
  }

  #ended(steps: number): Run {
    if (!this.#cluster.caughtUp) this.#differences.push('records were not stored');
    const rows = countOf(this.#store.rows);
    const letters = countOf(this.#letters());
    for (const [at, fate] of this.#fates) {
      const [stored, lettered] = [rows.get(at) ?? 0, letters.get(at) ?? 0];
      if (fate === 'row' && stored === 0) this.#differences.push(`missing row: ${at}`);
      if (fate !== 'row' && stored > 0) this.#differences.push(`row too many: ${at}, ${fate}`);
      // Else the views read once what is there twice.
      if (stored > 1 && this.#isSteady) this.#differences.push(`stored ${stored} times: ${at}`);
      if (lettered !== (fate === 'refused' ? 1 : 0)) this.#differences.push(`${lettered} dead letters: ${at}, ${fate}`);
    }
    return {
      seed: this.#seed,
      differences: this.#differences,
      events: this.#fates.size,
      alerts: 0,
      steps,
      trace: this.#world.trace ?? [],
    };
  }
}

function countOf(positions: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const at of positions) counts.set(at, (counts.get(at) ?? 0) + 1);
  return counts;
}

/** The sink reads three topics; alerts and dead letters are stored as events are, so that one is enough. */
function eventsAlone(log: EventLog): EventLog {
  return {
    ...log,
    subscribe: (options, handler) =>
      options.topic === TOPICS.events
        ? log.subscribe(options, handler)
        : Promise.resolve({ close: async () => {}, done: new Promise<void>(() => {}) }),
  };
}
