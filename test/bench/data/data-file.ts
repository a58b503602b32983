/** A data set as a file: made once, kept outside of the repository, read for every run. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createCodec, eventKey, fileRegistry } from '@idemtrace/schemas';
import type { EmittedEvent } from '@idemtrace/sdk/internal';
import { recordsOf } from 'idemtrace/internal';
import { benchEvents, type EventsOptions } from './events.ts';
import { Random } from './random.ts';

const EVENT_NAMES = ['ToolCallEvent', 'RetrievalEvent', 'RunEvent'] as const;
/** Rises when the same options no longer make the same file. */
const FORMAT = 1;
/** Share of records that come a second time, byte for byte, up to a thousand records later. */
const REDELIVERED = 0.01;
const KEPT = 1_000;

export interface DataSet {
  readonly path: string;
  /** Records in it. */
  readonly events: number;
  readonly toolCallEvents: number;
  readonly retrievalEvents: number;
  readonly runEvents: number;
  readonly executions: number;
  readonly repeats: number;
  readonly redeliveries: number;
  readonly workflows: number;
  readonly bytesPerValue: number;
  /** Executions that are the second or a later one of their workflow, effect name and input hash: `answerLine` of each. */
  readonly answerPath: string;
}

export interface DataRecord {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** How an execution is written in answers. */
export function answerLine(parts: {
  readonly tenantId: string;
  readonly workflowId: string;
  readonly effectName: string;
  readonly inputHash: string;
  readonly executionId: string;
}): string {
  return [parts.tenantId, parts.workflowId, parts.effectName, parts.inputHash, parts.executionId].join(' ');
}

/** The data set of these options; made where it is not in `folder` yet. `onProgress` is told how many records are made. */
export async function dataSet(folder: string, options: EventsOptions, onProgress: (events: number) => void): Promise<DataSet> {
  const registry = fileRegistry();
  const ids = await Promise.all(EVENT_NAMES.map((name) => registry.idOf(name)));
  const name = createHash('sha256')
    .update(JSON.stringify([FORMAT, ids, options]))
    .digest('hex')
    .slice(0, 16);
  const path = join(folder, `events-${options.events}-${name}`);
  const description = `${path}.json`;
  if (existsSync(description)) return JSON.parse(readFileSync(description, 'utf8')) as DataSet;
  mkdirSync(folder, { recursive: true });
  const made = await write(path, options, onProgress);
  // Last, so that a file that is described is whole.
  writeFileSync(`${description}.part`, JSON.stringify(made));
  renameSync(`${description}.part`, description);
  return made;
}

async function write(path: string, options: EventsOptions, onProgress: (events: number) => void): Promise<DataSet> {
  const codec = await createCodec({ registry: fileRegistry() });
  const random = new Random(7);
  const out = createWriteStream(path);
  const count = { ToolCallEvent: 0, RetrievalEvent: 0, RunEvent: 0 };
  const workflows = new Set<string>();
  const seen = new Set<string>();
  const answer: string[] = [];
  const kept: Buffer[] = [];
  let [events, bytes, executions, redeliveries] = [0, 0, 0, 0];

  const put = async (record: Buffer) => {
    events += 1;
    if (events % 20_000 === 0) onProgress(events);
    if (!out.write(record)) await once(out, 'drain');
  };
  for (const event of benchEvents(options)) {
    if (events >= options.events) break;
    const [record] = recordsOf([event], codec);
    if (record === undefined) throw new Error('an event made no record');
    count[event.name] += 1;
    bytes += record.value.length;
    workflows.add(eventKey(event.value.tenantId, event.value.workflowId));
    const started = startedExecution(event);
    if (started !== undefined) {
      executions += 1;
      const key = started.slice(0, started.lastIndexOf(' '));
      if (seen.has(key)) answer.push(started);
      else seen.add(key);
    }
    const framed = frame(String(record.key), record.value);
    await put(framed);
    kept[events % KEPT] = framed;
    const again = kept[random.below(KEPT)];
    if (again !== undefined && random.chance(REDELIVERED) && events < options.events) {
      redeliveries += 1;
      await put(again);
    }
  }
  out.end();
  await finished(out);
  const answerPath = `${path}.answer`;
  writeFileSync(answerPath, answer.sort().join('\n'));
  return {
    path,
    events,
    toolCallEvents: count.ToolCallEvent,
    retrievalEvents: count.RetrievalEvent,
    runEvents: count.RunEvent,
    executions,
    repeats: answer.length,
    redeliveries,
    workflows: workflows.size,
    bytesPerValue: Math.round(bytes / (events - redeliveries)),
    answerPath,
  };
}

function startedExecution({ name, value }: EmittedEvent): string | undefined {
  if (name !== 'ToolCallEvent' || value.phase !== 'started') return undefined;
  const { tenantId, workflowId, effectName, executionId } = value;
  return answerLine({ tenantId, workflowId, effectName, inputHash: value.inputHashes[0]?.digest ?? '', executionId });
}

const LENGTHS = 6;

function frame(key: string, value: Buffer): Buffer {
  const keyBytes = Buffer.byteLength(key);
  const framed = Buffer.allocUnsafe(LENGTHS + keyBytes + value.length);
  framed.writeUInt16BE(keyBytes, 0);
  framed.writeUInt32BE(value.length, 2);
  framed.write(key, LENGTHS);
  value.copy(framed, LENGTHS + keyBytes);
  return framed;
}

/** The records of a data set, in order. */
export async function* readDataSet({ path }: DataSet): AsyncGenerator<readonly DataRecord[]> {
  let left: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = left.length === 0 ? (chunk as Buffer) : Buffer.concat([left, chunk as Buffer]);
    const records: DataRecord[] = [];
    let at = 0;
    while (at + LENGTHS <= bytes.length) {
      const keyEnd = at + LENGTHS + bytes.readUInt16BE(at);
      const end = keyEnd + bytes.readUInt32BE(at + 2);
      if (end > bytes.length) break;
      records.push({ key: bytes.subarray(at + LENGTHS, keyEnd), value: bytes.subarray(keyEnd, end) });
      at = end;
    }
    left = bytes.subarray(at);
    yield records;
  }
  if (left.length > 0) throw new Error(`${path} is cut short: delete it, it is made again`);
}
