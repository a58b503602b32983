/**
 * Whether a subject found what it had to find: the executions that are the second or a later one of their tenant, workflow, effect name and input
 * hash. An execution counts at its first phase; every execution of the data set reports `started` first, so the peer counts those events
 * alone, and the detector's answer is the set of executions that triggered a `duplicate_execution`, of any severity.
 */
import { readFileSync } from 'node:fs';
import { createCodec, fileRegistry } from '@idemtrace/schemas';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { answerLine, type DataSet } from '../data/data-file.ts';
import type { Stage } from './stage.ts';

export interface Answer {
  /** Records on the alerts topic, as a read_committed reader sees them. */
  readonly alerts: number;
  readonly bytesPerAlert: number;
  readonly found: number;
  readonly missing: number;
  readonly unexpected: number;
  /** Alerts that were there twice: the same execution at the same revision. */
  readonly twice: number;
}

export async function readAnswer(
  { kafka }: Stage,
  { answerPath }: DataSet,
  { topic, form }: { readonly topic: string; readonly form: 'detector' | 'streams' },
): Promise<Answer> {
  const expected = new Set(readFileSync(answerPath, 'utf8').split('\n').filter(Boolean));
  const found = new Set<string>();
  const revisions = new Set<string>();
  let [alerts, bytes, twice] = [0, 0, 0];
  const log = await openKafkaLog({ brokers: kafka.brokers });
  try {
    const codec = await createCodec({ registry: fileRegistry() });
    for await (const { value } of log.tail(topic)) {
      if (value === null) throw new Error(`${topic} holds a record without a value`);
      alerts += 1;
      bytes += value.length;
      const read = form === 'streams' ? peersAlert(value) : await detectorsAlert(value);
      if (revisions.has(read.revision)) twice += 1;
      revisions.add(read.revision);
      if (read.line !== undefined) found.add(read.line);
    }
    const missing = [...expected].filter((line) => !found.has(line)).length;
    const unexpected = [...found].filter((line) => !expected.has(line)).length;
    return { alerts, bytesPerAlert: Math.round(bytes / alerts), found: found.size, missing, unexpected, twice };

    async function detectorsAlert(bytesOfAlert: Buffer): Promise<{ readonly revision: string; readonly line: string | undefined }> {
      const [decoded] = await codec.decode([{ key: undefined, value: bytesOfAlert, logTime: 0 }]);
      if (decoded === undefined || !decoded.ok || decoded.record.name !== 'Alert') throw new Error(`${topic} holds what is no alert`);
      const { alertId, revision, rule, tenantId, workflowId, effectName, subject, executionId } = decoded.record.value;
      const isDuplicate = rule === 'duplicate_execution';
      const parts = { tenantId, workflowId, effectName: effectName ?? '', executionId: executionId ?? '' };
      // The subject is the key that was repeated: the hash's key id, then the hash.
      const inputHash = subject?.slice(subject.indexOf(':') + 1) ?? '';
      return { revision: `${alertId}/${revision}`, line: isDuplicate ? answerLine({ ...parts, inputHash }) : undefined };
    }
  } finally {
    await log.close();
  }
}

function peersAlert(value: Buffer): { readonly revision: string; readonly line: string } {
  const texts: string[] = [];
  for (let at = 0; texts.length < 5; ) {
    const length = value.readUInt16BE(at);
    texts.push(value.toString('utf8', at + 2, at + 2 + length));
    at += 2 + length;
  }
  const [tenantId = '', workflowId = '', effectName = '', inputHash = '', executionId = ''] = texts;
  const line = answerLine({ tenantId, workflowId, effectName, inputHash, executionId });
  return { revision: line, line };
}
