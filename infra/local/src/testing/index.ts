/** Services that the test files of one vitest run share: started at the first call, stopped when the run ends. Topics, keys and databases are each test's own. */
import { connect } from 'node:net';
import { inject } from 'vitest';
import type { Answer, SharedAddresses, SharedName } from './shared.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the run's own process is asked for services. */
    readonly sharedServices: string;
  }
}

export type { SharedAddresses } from './shared.ts';

/** A broker of the run. Topics do not make themselves. */
export function sharedKafka(): Promise<SharedAddresses['kafka']> {
  return ask('kafka');
}

/** A schema registry of the run, in memory. */
export function sharedRegistry(): Promise<SharedAddresses['registry']> {
  return ask('registry');
}

/** A Redis of the run (append-only, noeviction). */
export function sharedRedis(): Promise<SharedAddresses['redis']> {
  return ask('redis');
}

/** A ClickHouse engine of the run. */
export function sharedClickHouse(): Promise<SharedAddresses['clickhouse']> {
  return ask('clickhouse');
}

/** A PostgreSQL of the run. */
export function sharedPostgres(): Promise<SharedAddresses['postgres']> {
  return ask('postgres');
}

function ask<N extends SharedName>(name: N): Promise<SharedAddresses[N]> {
  const socketPath = inject('sharedServices');
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath, () => socket.write(`${name}\n`));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('utf8');
    });
    socket.once('error', reject);
    socket.once('end', () => {
      if (!text.endsWith('\n')) return reject(new Error(`The test run ended while it was starting ${name}.`));
      const answer = JSON.parse(text) as Answer<N>;
      if ('error' in answer) reject(new Error(`No shared ${name}: ${answer.error}`));
      else resolve(answer.addresses);
    });
  });
}
