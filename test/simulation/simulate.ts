/** One simulated run: agents, detectors that die and come back, services that fail; then what came of it is held against the oracle. */
import { startDetector } from '@idemtrace/detector';
import { type Codec, createCodec, EMPTY_POLICY, eventKey, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import { codecOf, type RegistryFaults } from './codec.ts';
import { Cluster, type LogFaults, logOf, TOPICS } from './log.ts';
import { expectedOf, type LogEntry, type OraclePolicy } from './oracle.ts';
import { createRandom } from './random.ts';
import { type Delivery, identityOf, REDELIVERY_MS, type SimulatedEvent, scenario, TENANT, WINDOW_MS, workflowName } from './scenario.ts';
import { type WindowFaults, WindowServer, windowsOf } from './windows.ts';
import { type Coverage, type Process, World } from './world.ts';

export interface Run {
  readonly seed: number;
  /** What is wrong; empty where all is as it must be. */
  readonly differences: readonly string[];
  readonly events: number;
  readonly alerts: number;
  readonly steps: number;
  /** What happened, in order, where it was asked for. */
  readonly trace: readonly string[];
}

export interface SimulateOptions {
  readonly coverage?: Coverage;
  readonly trace?: boolean;
  /** How much of the seed's scenario and faults is kept: a smaller run of the same kind. */
  readonly deliveries?: number;
  readonly faultsAfter?: number;
}

type Faults = LogFaults & WindowFaults & RegistryFaults & { crash: number };

const START = 1_760_000_000_000;
const MOST_STEPS = 60_000;

const POLICIES: readonly { readonly oracle: OraclePolicy; readonly lookup: PolicyLookup }[] = [
  { effects: { charge: 'write', lookup: 'read', plan: 'delegate' }, sharedTenants: ['public'], loopThreshold: 3, deadlineMs: 300 },
  { effects: { charge: 'idempotent_write', upsert: 'write', mystery: 'write' }, sharedTenants: [], loopThreshold: 2, deadlineMs: 900 },
].map((oracle, version) => ({
  oracle,
  lookup: new PolicyLookup({
    ...EMPTY_POLICY,
    version: `v${version}`,
    loopThreshold: oracle.loopThreshold,
    deadlineMs: oracle.deadlineMs,
    sharedTenants: oracle.sharedTenants,
    tools: Object.entries(oracle.effects).map(([match, effect]) => ({ match, effect })),
  } as never),
}));

let sharedCodec: Promise<Codec> | undefined;

export async function simulate(seed: number, options: SimulateOptions = {}): Promise<Run> {
  sharedCodec ??= createCodec({ registry: fileRegistry() });
  return new Simulation(seed, await sharedCodec, options).run();
}

class Simulation {
  readonly #seed: number;
  readonly #codec: Codec;
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #windows: WindowServer;
  readonly #log: LogEntry[] = [];
  readonly #deliveries: Delivery[];
  readonly #faultsAfter: number;
  readonly #switchAt: number;
  readonly #faults: Faults;
  #processes: Process[] = [];
  #spawned = 0;
  #policy = 0;
  #switched: readonly number[] | undefined;
  #logTime = START;

  constructor(
    seed: number,
    codec: Codec,
    { coverage = new Map(), trace = false, deliveries, faultsAfter = Number.POSITIVE_INFINITY }: SimulateOptions,
  ) {
    const random = createRandom(seed);
    this.#seed = seed;
    this.#codec = codec;
    this.#world = new World(random, coverage, trace ? [] : undefined);
    // Every run has its own mix: some are calm but for one kind of fault, some are nothing but faults.
    const rate = (most: number) => (random.chance(0.5) ? 0 : random.next() * most);
    this.#faults = {
      away: rate(0.1),
      inDoubt: rate(0.2),
      zombie: rate(0.9),
      refetch: rate(0.1),
      request: rate(0.1),
      answer: rate(0.1),
      registry: rate(0.1),
      crash: rate(0.02),
    };
    this.#cluster = new Cluster(this.#world, 1 + random.below(3), this.#faults);
    this.#windows = new WindowServer(this.#world, WINDOW_MS, this.#faults);
    const all = scenario(random, { workflows: 1 + random.below(3), steps: 1 + random.below(8) });
    this.#deliveries = all.slice(0, deliveries ?? all.length);
    this.#faultsAfter = faultsAfter;
    this.#switchAt = random.chance(0.3) ? random.below(this.#deliveries.length + 1) : -1;
  }

  async run(): Promise<Run> {
    const { random } = this.#world;
    const rates = {
      rebalance: random.next() * 0.02,
      flush: random.next() * 0.01,
      restore: random.next() * 0.01,
      retention: random.next() * 0.02,
    };
    const detectors = 1 + random.below(3);
    let steps = 0;
    let appended = 0;
    for (; ; steps++) {
      if (steps > MOST_STEPS) return this.#ended(steps, ['the run does not end']);
      const isCalm = appended === this.#deliveries.length || steps > this.#faultsAfter;
      if (isCalm) this.#calm();
      while (this.#processes.filter(({ alive }) => alive).length < detectors) this.#spawn();
      if (appended < this.#deliveries.length && (this.#world.idle || random.chance(0.3))) {
        const [switches, loses] = [appended === this.#switchAt && this.#switched === undefined, isLoss(this.#deliveries[appended])];
        if (switches || loses) {
          // Once all that came before is judged: then it is known which policy judged what, and which record the rebuild is for.
          if (!this.#cluster.caughtUp) {
            await this.#step(random.chance(this.#faults.crash));
            continue;
          }
          if (switches) this.#switchPolicy();
          if (loses) this.#loseWindows();
        }
        this.#append(appended);
        appended += 1;
        continue;
      }
      if (!isCalm) await this.#disturb(rates);
      const went = await this.#step(!isCalm && random.chance(this.#faults.crash));
      if (!went && appended === this.#deliveries.length) break;
    }
    return this.#ended(steps, this.#cluster.caughtUp ? [] : ['records were not judged']);
  }

  #step(crash: boolean): Promise<boolean> {
    return this.#world.step(crash);
  }

  #calm(): void {
    for (const fault of Object.keys(this.#faults) as (keyof Faults)[]) this.#faults[fault] = 0;
  }

  async #disturb(rates: {
    readonly rebalance: number;
    readonly flush: number;
    readonly restore: number;
    readonly retention: number;
  }): Promise<void> {
    const { random } = this.#world;
    if (random.chance(rates.rebalance)) {
      this.#world.count('fault: rebalance');
      this.#world.tell('rebalance');
      this.#cluster.rebalance();
    }
    if (random.chance(rates.flush)) this.#loseWindows();
    if (random.chance(rates.restore)) {
      this.#world.count('fault: windows restored');
      await this.#windows.restore();
    }
    if (random.chance(rates.retention)) this.#retain();
  }

  #loseWindows(): void {
    this.#world.count('fault: windows flushed');
    this.#windows.flush();
  }

  /** Cuts what is judged and in no window of what is not: retention is longer than the window, whatever waits. */
  #retain(): void {
    for (const [partition, { records, committed }] of this.#cluster.partitions.entries()) {
      const oldest = records.find(({ offset }) => offset >= committed)?.logTime ?? this.#logTime;
      const kept = records.find(({ offset, logTime }) => offset >= committed || oldest - logTime <= WINDOW_MS + REDELIVERY_MS);
      const before = this.#cluster.state(partition).low;
      this.#cluster.cut(partition, Math.min(kept?.offset ?? committed, committed));
      if (this.#cluster.state(partition).low > before) this.#world.count('fault: retention');
    }
  }

  #switchPolicy(): void {
    this.#world.count('fault: policy change');
    this.#world.tell('another policy');
    this.#policy = 1;
    this.#switched = this.#cluster.partitions.map(({ high }) => high);
  }

  #append(index: number): void {
    const delivery = this.#deliveries[index];
    if (delivery === undefined) return;
    this.#logTime += delivery.later;
    const workflow = delivery.kind === 'event' ? Number(delivery.event.value.workflowId.split('-').at(-1)) : delivery.workflow;
    const partition = workflow % this.#cluster.partitions.length;
    const key = Buffer.from(eventKey(TENANT, workflowName(workflow)));
    const value =
      delivery.kind === 'event' ? this.#codec.encode(delivery.event.name as 'RunEvent', delivery.event.value as never) : delivery.bytes;
    const gap = this.#world.random.chance(0.1) ? 1 : 0;
    const offset = this.#cluster.append(partition, { key, value, logTime: this.#logTime }, gap);
    const at = { partition, offset, logTime: this.#logTime };
    this.#log.push(
      delivery.kind === 'event' ? { kind: 'event', ...at, event: delivery.event, variant: delivery.variant } : { kind: 'poison', ...at },
    );
    this.#world.tell(
      `${partition}/${offset} at ${this.#logTime - START}: ${delivery.kind === 'event' ? toldOf(delivery.event) : 'poison'}`,
    );
  }

  #spawn(): void {
    this.#processes = this.#processes.filter(({ alive }) => alive);
    const process: Process = { name: `detector ${this.#spawned++}`, alive: true };
    this.#processes.push(process);
    const world = this.#world;
    const started = startDetector({
      log: logOf(this.#cluster, process),
      codec: codecOf(this.#codec, process, world, this.#faults),
      windows: windowsOf(this.#windows, process),
      policy: () => POLICIES[this.#policy]?.lookup ?? new PolicyLookup(EMPTY_POLICY),
      topics: TOPICS,
      group: 'detector',
      windowMs: WINDOW_MS,
      sleep: () => world.turn(process, 'sleep'),
    });
    started.catch((error: unknown) => {
      world.tell(`${process.name} does not start: ${error}`);
      world.kill(process);
    });
  }

  async #ended(steps: number, differences: readonly string[]): Promise<Run> {
    const expected = expectedOf(this.#log, WINDOW_MS, (partition, offset) => {
      const isAfter = this.#switched !== undefined && offset >= (this.#switched[partition] ?? 0);
      return (POLICIES[isAfter ? 1 : 0] ?? POLICIES[0])?.oracle as OraclePolicy;
    });
    const alerts: string[] = [];
    const deadLetters: string[] = [];
    const incomplete: string[] = [];
    const ids = new Map<string, string>();
    for (const { partition, record } of this.#cluster.outputs) {
      const key = typeof record.key === 'string' ? Buffer.from(record.key) : record.key;
      const [decoded] = await this.#codec.decode([{ key, value: record.value, logTime: START }]);
      if (decoded?.ok !== true) throw new Error('an undecodable output');
      if (decoded.record.name === 'Alert') {
        const alert = decoded.record.value;
        const trigger = alert.executionId ?? alert.retrievalId ?? '';
        const identity = `${alert.rule} ${trigger} ${alert.subject}`;
        alerts.push(`${identity} ${alert.revision} ${alert.severity} ${alert.cause}`);
        if ((ids.get(alert.alertId) ?? identity) !== identity) incomplete.push(`${alert.alertId} stands for two alerts`);
        ids.set(alert.alertId, identity);
        // Where nothing was cut, the log reaches back: the window cannot be incomplete.
        if (!alert.windowComplete && this.#cluster.state(partition).low === 0)
          incomplete.push(`${alert.alertId} says that its window is incomplete`);
        if (partition !== alert.partition) incomplete.push(`${alert.alertId} is in partition ${partition}, not in ${alert.partition}`);
      } else if (decoded.record.name === 'DeadLetter') {
        const letter = decoded.record.value;
        deadLetters.push(`${letter.reason === 'identity_conflict' ? 'conflict ' : ''}${letter.partition}/${letter.offset}`);
      }
    }
    return {
      seed: this.#seed,
      differences: [
        ...differences,
        ...incomplete,
        ...differenceOf('alert', expected.alerts, alerts.sort()),
        ...differenceOf('dead letter', expected.deadLetters, deadLetters.sort()),
      ],
      events: this.#log.length,
      alerts: alerts.length,
      steps,
      trace: this.#world.trace ?? [],
    };
  }
}

function isLoss(delivery: Delivery | undefined): boolean {
  return delivery?.kind === 'event' && delivery.lost === true;
}

function toldOf(event: SimulatedEvent): string {
  return event.name === 'ToolCallEvent' ? `${identityOf(event)} of ${event.value.tool}` : identityOf(event);
}

/** What one list has more of than the other; both sorted. */
function differenceOf(what: string, expected: readonly string[], actual: readonly string[]): readonly string[] {
  const left = [...actual];
  const differences: string[] = [];
  for (const one of expected) {
    const at = left.indexOf(one);
    if (at < 0) differences.push(`missing ${what}: ${one}`);
    else left.splice(at, 1);
  }
  return [...differences, ...left.map((one) => `${what} too many: ${one}`)];
}
