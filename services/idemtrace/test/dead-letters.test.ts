/** What becomes of a dead letter that is put back, by its reason and by time. */
import {
  type Codec,
  createCodec,
  type DeadLetter,
  deadLetterOf,
  eventKey,
  fileRegistry,
  INVALID_REASONS,
  type RunEvent,
} from '@idemtrace/schemas';
import { expect, test } from 'vitest';
import { parsePosition, positionText, type StandingLetter } from '../src/dead-letters/letters.ts';
import { LETTER_REASONS, mendingOf, sentenceOf } from '../src/dead-letters/reasons.ts';
import { verdictsOn } from '../src/dead-letters/verdict.ts';
import { hexDump } from '../src/output/hex-dump.ts';

const codec: Codec = await createCodec({ registry: fileRegistry() });
const APPENDED = 1_760_000_000_000;
const WINDOW_MS = 86_400_000;

const RUN: RunEvent = {
  tenantId: 'acme',
  workflowId: 'invoice-run',
  runId: 'run-1',
  attempt: 1,
  parentRunId: null,
  conversationId: null,
  agentId: null,
  agentVersion: null,
  incarnation: 0,
  phase: 'started',
  status: null,
  occurredAt: APPENDED,
  emitterId: '018f2f6e-0000-7000-8000-000000000001',
  sequence: 0,
  policyVersion: null,
  traceId: null,
};

function letterOf(reason: string, over: Partial<DeadLetter> = {}): StandingLetter {
  const record = {
    topic: 'events',
    partition: 1,
    offset: 7,
    logTime: APPENDED,
    key: Buffer.from(eventKey('acme', 'invoice-run')),
    value: codec.encode('RunEvent', RUN),
    headers: {},
  };
  return { partition: 1, offset: 3, since: APPENDED + 1000, letter: { ...deadLetterOf(record, reason, 'detail'), ...over } };
}

async function verdictAt(now: number, standing: StandingLetter) {
  const [verdict] = await verdictsOn([standing], { codec, eventsTopic: 'events', windowMs: WINDOW_MS, now });
  if (verdict === undefined) throw new Error('no verdict');
  return verdict.valid ? (verdict.remark ?? 'valid') : verdict.hindrance.reason;
}

test.each([
  ['bad_magic', { value: Buffer.from([1, 2, 3]) }, 'bad_magic'],
  ['no_value', { value: null }, 'no_value'],
  ['too_large', { valueTruncated: true }, 'cut'],
  ['key_mismatch', { key: Buffer.from('globex/invoice-run') }, 'key_mismatch'],
  ['lineage_refused', { topic: 'alerts' }, 'other_topic'],
  ['unexpected_record', { key: null, value: codec.encode('ClockTick', { occurredAt: APPENDED }) }, 'unexpected_record'],
  ['incompatible_schema', {}, 'valid'],
])('a letter of %s is valid or not as its record is now: %o', async (reason, over, expected) => {
  expect(await verdictAt(APPENDED + 3_600_000, letterOf(reason, over))).toBe(expected);
});

test('an unknown schema that is there now is put back only when detectors ask for it again', async () => {
  const letter = letterOf('unknown_schema');
  expect(await verdictAt(letter.since + 59_999, letter)).toBe('too_early');
  expect(await verdictAt(letter.since + 60_000, letter)).toBe('valid');
});

test('W6: a conflict is put back only when the event that it conflicts with has left the window', async () => {
  const letter = letterOf('identity_conflict');
  expect(await verdictAt(APPENDED + WINDOW_MS, letter)).toBe('in_window');
  expect(await verdictAt(APPENDED + WINDOW_MS + 1, letter)).toContain('judged as an event of its own');
});

test('W6: an event that was judged, and only lacks its row, is put back only while the window knows it', async () => {
  const letter = letterOf('lineage_refused');
  expect(await verdictAt(APPENDED + WINDOW_MS, letter)).toBe('valid');
  expect(await verdictAt(APPENDED + WINDOW_MS + 1, letter)).toBe('judged_before');
});

test('every reason has its sentence and says what to do', () => {
  expect(LETTER_REASONS.toSorted()).toEqual([...Object.keys(INVALID_REASONS), 'identity_conflict', 'lineage_refused'].toSorted());
  for (const reason of LETTER_REASONS) expect([sentenceOf(reason), mendingOf(reason)].every((text) => /\w.*\.$/.test(text))).toBe(true);
  expect(sentenceOf('constructor')).toContain('does not know');
});

test('places are written and read alike', () => {
  expect(parsePosition(positionText({ partition: 3, offset: 17 }))).toEqual({ partition: 3, offset: 17 });
  for (const text of ['', '3', '3:', ':17', '-1:2', '3/17', '3:17 ', '1e3:1']) expect(parsePosition(text)).toBeUndefined();
});

test('a dump shows offset, hex and what is printable', () => {
  expect(hexDump(Buffer.from('acme/\u001b[2J\u0000 and more'))).toBe(
    [
      '00000000  61 63 6d 65 2f 1b 5b 32 4a 00 20 61 6e 64 20 6d  acme/.[2J. and m',
      '00000010  6f 72 65                                         ore',
    ].join('\n'),
  );
  expect(hexDump(Buffer.alloc(0))).toBe('');
});
