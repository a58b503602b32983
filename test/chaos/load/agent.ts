/**
 * An agent that goes on whatever dies: many small workflows at a steady rate, through Kafka or through the gateway. What it was told is durable
 * it writes to a file, one line a batch: `{ emitterId: [sequence, …] }`. It is killed by the test; begun again, it tries the latest workflows
 * once more and goes on with new ones. SIGTERM makes it send what it holds, say how much that was in all, and end.
 *
 * usage: agent.ts SETTINGS    a JSON object: AgentSettings
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createIdemtrace, type Transport } from '@idemtrace/sdk';
import { httpTransport } from '@idemtrace/sdk/http';
import { kafkaTransport } from '@idemtrace/sdk/kafka';
import { createRandom } from '../../simulation/random.ts';
import { playWorkflow } from './play.ts';
import { Turns } from './turns.ts';

export interface AgentSettings {
  readonly seed: number;
  readonly name: string;
  readonly tenants: readonly string[];
  readonly eventsPerSecond: number;
  /** File of what is acknowledged; beside it `.next`, the number of the next workflow. */
  readonly acknowledged: string;
  readonly to:
    | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly registryUrl: string; readonly topic: string }
    | { readonly kind: 'http'; readonly url: string; readonly apiKey: string };
}

const settings = JSON.parse(process.argv[2] ?? '') as AgentSettings;
/** Workflows under way at a time. */
const OPEN = 60;
/** Workflows that are tried again after a kill: about those that it broke off. */
const AGAIN = OPEN;
/** Far below what the buffer drops at: an agent that waits loses nothing. */
const MOST_BUFFERED = 4_000;
const TICK_MS = 5;

const nextFile = `${settings.acknowledged}.next`;
const life = existsSync(nextFile) ? (JSON.parse(readFileSync(nextFile, 'utf8')) as { next: number; lives: number }) : { next: 0, lives: 0 };
const firstAttempt = 1 + life.lives * 10;
let next = Math.max(0, life.next - AGAIN);
const random = createRandom(settings.seed + life.lives * 1_000_003);

function noting(inner: Transport): Transport {
  return {
    async send(batch) {
      await inner.send(batch);
      const sequences: Record<string, number[]> = {};
      for (const { value } of batch) {
        const known = sequences[value.emitterId];
        if (known === undefined) sequences[value.emitterId] = [value.sequence];
        else known.push(value.sequence);
      }
      appendFileSync(settings.acknowledged, `${JSON.stringify(sequences)}\n`);
    },
    ...(inner.close !== undefined && { close: () => inner.close?.() ?? Promise.resolve() }),
  };
}

const { to } = settings;
const transport =
  to.kind === 'http'
    ? httpTransport({ url: to.url, apiKey: to.apiKey })
    : kafkaTransport({ brokers: to.brokers, registryUrl: to.registryUrl, topic: to.topic });
const idemtrace = createIdemtrace({
  transport: noting(transport),
  hashKey: { id: 'chaos', secret: 'a secret of the chaos tests, long enough' },
  agentId: settings.name,
  warn: () => {},
});

const turns = new Turns(random, settings.eventsPerSecond, performance.now());
let ending = false;
process.once('SIGTERM', () => {
  ending = true;
});

async function keepPlaying(): Promise<void> {
  while (!ending) {
    const number = next++;
    writeFileSync(nextFile, JSON.stringify({ next, lives: life.lives + 1 }));
    const tenantId = settings.tenants[number % settings.tenants.length] ?? settings.name;
    const workflowId = `${settings.name}-${number}`;
    await playWorkflow({ idemtrace, random, tenantId, workflowId, firstAttempt, turn: () => turns.take() });
  }
}
for (let n = 0; n < OPEN; n++) void keepPlaying();
console.log('up');

while (!ending) {
  if (idemtrace.counters.buffered < MOST_BUFFERED) turns.give(performance.now());
  else turns.skip(performance.now());
  await delay(TICK_MS);
}
// What is under way is broken off: its executions stay open, as those of agents do that are stopped.
while (idemtrace.counters.buffered > 0) await idemtrace.flush({ timeoutMs: 1000 });
const { emitted, dropped, rejected } = idemtrace.counters;
await idemtrace.close();
console.log(JSON.stringify({ emitted, dropped, rejected }));
process.exit(0);
