/** Real batches, damaged byte by byte: each is answered with events that are valid or with mistakes, and by no more than it is worth. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toJson } from '../../../schemas/src/json.ts';
import { arbitraryAnyRecord } from '../../../schemas/test/arbitraries.ts';
import { mutate, SEED, SHARE, TOKENS, Xorshift } from '../../../schemas/test/mutations.ts';
import { splitAvro } from '../src/batch/avro.ts';
import { isEvent } from '../src/batch/checked.ts';
import { splitJson } from '../src/batch/json.ts';
import { writeFrames } from '../src/index.ts';
import { MOST_EVENTS } from '../src/limits.ts';
import { codec } from './world.ts';

const BATCHES = 50_000 * SHARE;

const records = fc.sample(arbitraryAnyRecord(), { seed: SEED, numRuns: 200 }).filter(isEvent);
/** In batches of one to three. */
const batches = records.map((_, index) => records.slice(index, index + 1 + (index % 3)));

const FORMATS = [
  {
    name: 'JSON',
    corpus: batches.map((batch) =>
      Buffer.from(JSON.stringify({ events: batch.map((record) => ({ name: record.name, value: toJson(record), headers: { a: 'b' } })) })),
    ),
    damaged: (corpus: readonly Buffer[], random: Xorshift) => mutate(corpus, random, TOKENS),
    split: (bytes: Buffer) => splitJson(bytes, codec),
  },
  {
    name: 'Avro',
    corpus: batches.map((batch) =>
      writeFrames(
        batch.map(({ name, value }) => ({ value: codec.encode(name as 'RunEvent', value as never), headers: [['a', Buffer.from('b')]] })),
      ),
    ),
    damaged: (corpus: readonly Buffer[], random: Xorshift) => mutate(corpus, random),
    split: (bytes: Buffer) => splitAvro(bytes, codec, () => 0),
  },
];

/** Most mistakes of one event: those of its fields, at most 50, and of its frame. */
const MOST_OF_EVENT = 60;
const LONGEST = 400;

test.each(FORMATS)(
  `W7, P1: damaged batches of $name are answered, each with valid events or with bounded mistakes (seed ${SEED})`,
  async ({ corpus, damaged, split }) => {
    for (const whole of corpus) {
      const read = split(whole);
      expect(read.ok && (await read.check()).ok).toBe(true);
    }
    const random = new Xorshift(SEED);
    const outcomes = { unsplit: 0, invalid: 0, valid: 0 };
    const unbounded: string[] = [];
    for (let i = 0; i < BATCHES; i++) {
      const bytes = damaged(corpus, random);
      const read = split(bytes);
      if (!read.ok) {
        outcomes.unsplit += 1;
        if ((read.problem.mistakes ?? []).length > 1) unbounded.push(`${i}: mistakes of a body that is none`);
        continue;
      }
      if (read.count > Math.min(MOST_EVENTS, bytes.length)) unbounded.push(`${i}: more events than bytes`);
      const checked = await read.check();
      if (checked.ok) {
        outcomes.valid += 1;
        const again = await codec.decode(
          checked.events.map(({ record: { key, value } }) => ({ key: Buffer.from(String(key)), value, logTime: 0 })),
        );
        expect(again.filter(({ ok }) => !ok)).toEqual([]);
      } else {
        outcomes.invalid += 1;
        if (checked.mistakes.length === 0 || checked.mistakes.length > read.count * MOST_OF_EVENT)
          unbounded.push(`${i}: number of mistakes`);
        if (checked.mistakes.some(({ path, message }) => path.length + message.length > LONGEST))
          unbounded.push(`${i}: length of a mistake`);
      }
    }
    expect(unbounded).toEqual([]);
    for (const [outcome, count] of Object.entries(outcomes)) expect([outcome, count > BATCHES / 1000]).toEqual([outcome, true]);
  },
  240_000 * SHARE,
);
