/** Writes the company's day to a folder, for `idemtrace replay` and for scoring. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { simulate } from './simulate.ts';

/** The policy that the company's team wrote on its first day (YAML). */
export const COMPANY_POLICY: URL = new URL('./policy.yaml', import.meta.url);

export interface WrittenRecording {
  /** The recording, as `idemtrace replay` reads it. */
  readonly calls: string;
  /** What the oracle says, a line for each of the recording's. */
  readonly labels: string;
}

export function ndjson(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** Plays the day of a seed and writes `calls.ndjson` and `labels.ndjson` into the folder, which is made where it is missing. */
export async function writeCompany(seed: number, folder: string): Promise<WrittenRecording> {
  const simulation = await simulate(seed);
  await mkdir(folder, { recursive: true });
  const written = { calls: join(folder, 'calls.ndjson'), labels: join(folder, 'labels.ndjson') };
  await writeFile(written.calls, ndjson(simulation.lines));
  await writeFile(written.labels, ndjson(simulation.labels));
  return written;
}
