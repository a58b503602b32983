/**
 * The embedded pipeline in a process that a test kills: appends the events of a recording in small batches, and prints the number of each
 * batch once the log has acknowledged it; where the log is full it prints `full` and appends again, as agents do.
 *
 * usage: agent-child.ts RECORDING POLICY FOLDER FROM LINEAGE      starts at batch FROM; LINEAGE is on or off; prints `done` at the end
 */

import { readFileSync } from 'node:fs';
import { readPolicy } from '@idemtrace/detector/policy';
import type { EmittedEvent } from '@idemtrace/sdk';
import { LogError } from '@idemtrace/stream';
import { openPipeline, planRecording, RecordedEvents, readRecording, resolveConfig, surveyRecording } from 'idemtrace/internal';

const [recording = '', policyFile = '', folder = '', from = '0', lineage = 'off'] = process.argv.slice(2);
const BATCH = 20;

const policy = readPolicy(readFileSync(policyFile, 'utf8'));
const resolved = resolveConfig({
  env: {},
  flags: { dataDir: folder, policy: policyFile, 'lineage.mode': lineage, 'batch.maxRecords': '50' },
  cwd: folder,
  readFile: () => '',
});
if (!resolved.ok || !policy.ok) throw new Error('bad configuration');
const silent = () => {};
const pipeline = await openPipeline({ config: resolved.config, logger: { info: silent, warn: silent, error: silent } });
const survey = await surveyRecording(recording);
const events = new RecordedEvents({
  hashKey: { id: 'test', secret: 'a secret of at least thirty-two bytes' },
  policy: policy.policy,
  clock: () => 1_760_000_000_000,
});
let batch: EmittedEvent[] = [];
let number = 0;
async function appended(made: readonly EmittedEvent[]): Promise<void> {
  for (;;) {
    try {
      return await pipeline.append(made);
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      process.stdout.write('full\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
async function append() {
  if (number >= Number(from)) {
    await appended(batch);
    process.stdout.write(`${number}\n`);
    // Gives the detector time, so that kills meet it at work.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  number += 1;
  batch = [];
}
for await (const moments of planRecording(readRecording(recording), { digest: survey.digest, survey })) {
  for (const moment of moments) {
    batch.push(events.event(moment));
    if (batch.length >= BATCH) await append();
  }
}
await append();
await pipeline.drained();
process.stdout.write('done\n');
await pipeline.close();
