/** Records that are no events, one every now and then, into the events topic. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Store } from 'idemtrace/internal';
import type { Random } from '../../simulation/random.ts';
import { POISON_HEADER } from '../check/written.ts';

export interface Poisoning {
  /** Resolves when the last one is in the log, or given up. Idempotent. */
  stop(): Promise<void>;
}

const EVERY_MS = 400;

export function startPoisoning({ log }: Store, topic: string, random: Random): Poisoning {
  let stopping = false;
  const running = (async () => {
    while (!stopping) {
      const record = { key: `poison-${random.below(1000)}`, value: poison(random), headers: { [POISON_HEADER]: Buffer.from('yes') } };
      // One that is in doubt may be there: the topic is what is counted.
      await log.append(topic, [record]).catch(() => undefined);
      await delay(EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopping = true;
      await running;
    },
  };
}

function poison(random: Random): Buffer {
  const body = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
  // No value; another format; schemas that nobody registered; an event's schema with another body, which ends before its first field does.
  const heads = [Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.from([0, 0, 255, 255, 255]), Buffer.from([0, 0, 0, 0, 1, 255])];
  const head = random.pick(heads);
  return Buffer.concat([head, head.length === 0 || head.length === 6 ? Buffer.alloc(0) : body]);
}
