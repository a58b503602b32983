/** A batch of Avro records. They are decoded to be checked, and go on as they came: a field that this version does not know is kept. */
import type { Codec } from '@idemtrace/schemas';
import { MOST_EVENTS, MOST_HEADERS, MOST_SCHEMAS } from '../limits.ts';
import type { Mistake, Problem } from '../problems.ts';
import { type Checked, type CheckedEvent, checkedEvent, headerMistake, isEvent, mistakesOf, type Split } from './checked.ts';
import { type Frame, readFrames } from './frames.ts';

export const AVRO_BATCH = 'application/vnd.idemtrace.avro-batch';

type Decode = Pick<Codec, 'decode'>;

/** `check` rejects with RegistryError (`away`) where a schema cannot be asked for. */
export function splitAvro(bytes: Buffer, codec: Decode, logTime: () => number): Split {
  const read = readFrames(bytes, MOST_EVENTS, MOST_HEADERS);
  if (!read.ok) {
    const { index, fault } = read;
    if (fault === 'too many') return refused({ code: 'too_many', detail: `A batch has at most ${MOST_EVENTS} events.` });
    const message = `the frame breaks off, says a length beyond the body's end, or has over ${MOST_HEADERS} headers`;
    return refused({
      code: 'invalid',
      detail: 'The body is no sequence of frames.',
      mistakes: [{ index, path: `events[${index}]`, reason: 'bad_frame', message }],
    });
  }
  const { frames } = read;
  const schemas = new Set(frames.map(({ value }) => (value.length < 5 ? 0 : value.readUInt32BE(1)))).size;
  if (schemas > MOST_SCHEMAS) return refused({ code: 'invalid', detail: `A batch has records of at most ${MOST_SCHEMAS} schemas.` });
  return { ok: true, count: frames.length, check: () => check(frames, codec, logTime()) };
}

function refused(problem: Problem): Split {
  return { ok: false, problem };
}

async function check(frames: readonly Frame[], codec: Decode, logTime: number): Promise<Checked> {
  const decoded = await codec.decode(frames.map(({ value }) => ({ key: undefined, value, logTime })));
  const events: CheckedEvent[] = [];
  const mistakes: Mistake[] = [];
  for (const [index, { value, headers }] of frames.entries()) {
    const answer = decoded[index];
    if (answer === undefined) throw new Error('The codec answered fewer records than it was given.');
    const path = `events[${index}]`;
    const wrong = headerMistake(headers);
    if (wrong !== undefined) mistakes.push({ index, path: `${path}.headers`, reason: 'wrong_shape', message: wrong });
    if (!answer.ok) mistakes.push(...mistakesOf(index, answer));
    else if (!isEvent(answer.record)) {
      mistakes.push({ index, path, reason: 'unexpected_record', message: 'no event that an agent sends' });
    } else if (wrong === undefined) {
      const scope = answer.record.value as { tenantId: string; workflowId: string };
      events.push(checkedEvent(scope, value, Object.fromEntries(headers)));
    }
  }
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, events };
}
