import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type EmbeddedLog, type EmbeddedLogOptions, openEmbeddedLog } from '../src/embedded/index.ts';
import type { EventLog } from '../src/port.ts';

/** A folder of the running test's own, gone with it. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'idemtrace-log-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A log that is closed with the running test. */
export async function openForTest(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const log = await openEmbeddedLog({ pollIntervalMs: 5, ...options });
  onTestFinished(() => log.close());
  return log;
}

export const values = (...texts: string[]) => texts.map((value) => ({ key: null, value: Buffer.from(value), partition: 0 }));

/** Values of a topic, as text, in the order of partition and offset. */
export async function textsOf(log: EventLog, topic: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const { value } of log.tail(topic)) texts.push(String(value));
  return texts;
}
