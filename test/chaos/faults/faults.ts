/** What each kind of fault does to the services, and to the deployment on them. */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Service } from '@idemtrace/local-services';
import { Redis } from 'ioredis';
import type { Random } from '../../simulation/random.ts';
import type { Deployment } from '../stage/deployment.ts';
import type { Direction, TcpProxy, Weather } from '../stage/proxy.ts';
import type { ChaosServices } from '../stage/services.ts';
import type { Supervised } from '../stage/supervised.ts';
import { withFullDisk } from './full-disk.ts';
import { type FaultKind, KILLS } from './schedule.ts';

/** A fault that is to come. */
export interface PlannedFault {
  readonly kind: string;
  /** How many processes or services it kills. */
  readonly kills: number;
  /** Resolves when it is over: what was killed runs again, what was cut is whole. */
  inject(deployment: Deployment, random: Random): Promise<void>;
}

interface Scene {
  readonly services: ChaosServices;
  readonly deployment: Deployment;
  readonly random: Random;
}

type Fault = (scene: Scene) => Promise<void>;

/** The schedule, on these services. */
export function planned(services: ChaosServices, schedule: readonly FaultKind[]): readonly PlannedFault[] {
  return schedule.map((kind) => ({
    kind,
    kills: KILLS[kind],
    inject: (deployment, random) => FAULTS[kind]({ services, deployment, random }),
  }));
}

/** Longer than a member of a group may be silent (8 s). */
const PAST_SESSION_MS = 10_500;
const OLDER_MS = 3_000;
const STORM_ROUNDS = 4;
const STORM_MS = 1_500;
const FULL_MS = 5_000;
const SLOW_MS = 150;
const BAD_WEATHER_MS = 5_000;
/** Longest that a service stays dead. */
const DEAD_MS = 1_500;

const FAULTS: { readonly [K in FaultKind]: Fault } = {
  'detector killed': killOneOf(({ detectors }) => detectors),
  'sink killed': killOneOf(({ sinks }) => sinks),
  'gateway killed': killOneOf(({ gateway }) => [gateway]),
  'agent killed': killOneOf(({ agents }) => agents),
  'Redis killed': killService(({ redis }) => redis),
  'ClickHouse killed': killService(({ clickhouse }) => clickhouse),
  'broker killed': killService(({ kafka }) => kafka),
  'detector asleep past its session': async ({ deployment, random }) => {
    const detector = random.pick(deployment.detectors);
    detector.pause();
    await delay(PAST_SESSION_MS);
    detector.resume();
  },
  'Redis emptied': ({ services }) => emptied(services.redis.url),
  'Redis emptied before a call': (scene) => emptiedAt(scene, 'request'),
  'Redis emptied before its answer': (scene) => emptiedAt(scene, 'answer'),
  'Redis back from an older dump': async ({ services: { redis } }) => {
    const data = join(redis.folder, 'data');
    const dump = join(redis.folder, 'dump');
    await redis.kill();
    rmSync(dump, { recursive: true, force: true });
    cpSync(data, dump, { recursive: true });
    await redis.restart();
    await delay(OLDER_MS);
    await redis.kill();
    rmSync(data, { recursive: true });
    cpSync(dump, data, { recursive: true });
    await redis.restart();
  },
  'rebalance storm': async ({ deployment }) => {
    const extra = deployment.extraDetector();
    for (let round = 0; round < STORM_ROUNDS; round++) {
      await extra.start();
      await delay(STORM_MS);
      await extra.stop();
    }
  },
  'full disk of ClickHouse': ({ services: { clickhouse } }) => withFullDisk(clickhouse, () => delay(FULL_MS)),
  'broker half open': weather(({ brokerProxy }) => brokerProxy, { kind: 'half_open' }, PAST_SESSION_MS),
  'broker slow': weather(({ brokerProxy }) => brokerProxy, { kind: 'slow', ms: SLOW_MS }, BAD_WEATHER_MS),
  'broker resets answers': weather(({ brokerProxy }) => brokerProxy, { kind: 'resetting' }, BAD_WEATHER_MS),
  'Redis half open': weather(({ redisProxy }) => redisProxy, { kind: 'half_open' }, PAST_SESSION_MS),
  'Redis slow': weather(({ redisProxy }) => redisProxy, { kind: 'slow', ms: SLOW_MS }, BAD_WEATHER_MS),
  'Redis resets answers': weather(({ redisProxy }) => redisProxy, { kind: 'resetting' }, BAD_WEATHER_MS),
};

function killOneOf(choose: (deployment: Deployment) => readonly Supervised[]): Fault {
  return async ({ deployment, random }) => {
    const victim = random.pick(choose(deployment));
    await victim.kill();
    await victim.up();
  };
}

function killService(choose: (services: ChaosServices) => Service): Fault {
  return ({ services, random }) => killed(choose(services), random);
}

/** SIGKILL; it stays dead for a while, and is started again. */
export async function killed(service: Service, random: Random): Promise<void> {
  await service.kill();
  await delay(random.below(DEAD_MS));
  await service.restart();
}

function weather(choose: (services: ChaosServices) => TcpProxy, kind: Weather, forMs: number): Fault {
  return async ({ services }) => {
    const proxy = choose(services);
    proxy.set(kind);
    await delay(forMs);
    proxy.set({ kind: 'open' });
  };
}

async function emptied(url: string): Promise<void> {
  const client = new Redis(url);
  await client.flushall();
  client.disconnect();
}

/** Between a detector's call and Redis, or between what Redis did and the detector: the batch is under way. */
async function emptiedAt({ services: { redis, redisProxy } }: Scene, direction: Direction): Promise<void> {
  let isCalled = false;
  await redisProxy.intercept(async (at, data) => {
    isCalled ||= at === 'request' && /evalsha/i.test(data.toString('latin1'));
    if (!isCalled || at !== direction) return false;
    await emptied(redis.url);
    return true;
  });
}
