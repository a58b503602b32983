import { DEFAULT_LIMITS } from '../src/buffer.ts';
import type { EmitterOptions } from '../src/emitter.ts';
import type { Environment, WarningCode } from '../src/environment.ts';
import { assemble, type Idemtrace } from '../src/idemtrace.ts';
import { type RecordingTransport, recordingTransport } from '../src/testing/index.ts';
import { uuidv7 } from '../src/uuid.ts';

export const SECRET = 'a secret of at least thirty-two bytes';
export const HASH_KEY = { id: 'k1', secret: SECRET };

/** A world whose time passes only when it is told to. */
export interface World extends Environment {
  readonly warnings: { readonly message: string; readonly code: WarningCode }[];
  /** Lets time pass, firing what is due, and what is asked for meanwhile. */
  pass(ms: number): Promise<void>;
  time: number;
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export function createWorld(): World {
  const timers = new Set<Timer>();
  const warnings: World['warnings'] = [];
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };
  const world: World = {
    time: Date.UTC(2026, 0, 1),
    warnings,
    now: () => world.time,
    elapsed: () => world.time,
    random: () => 0.5,
    newId: () => uuidv7(world.time),
    after(ms, callback) {
      const timer = { at: world.time + ms, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    warn: (message, code) => void warnings.push({ message, code }),
    async pass(ms) {
      const until = world.time + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        world.time = Math.max(world.time, due.at);
        due.callback();
        await settle();
      }
      world.time = until;
    },
  };
  return world;
}

export interface Bench {
  readonly idemtrace: Idemtrace;
  readonly transport: RecordingTransport;
  readonly world: World;
  /** Everything that left, sent or warned of, as text. */
  told(): string;
}

export function createBench(options: Partial<EmitterOptions> = {}): Bench {
  const world = createWorld();
  const transport = recordingTransport();
  const idemtrace = assemble({ transport, hashKey: HASH_KEY, limits: DEFAULT_LIMITS, ...options }, world);
  return { idemtrace, transport, world, told: () => JSON.stringify([transport.events, world.warnings]) };
}

export const SCOPE = { tenantId: 'acme', workflowId: 'invoice-run-7' };
