import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MOST_LINE_BYTES } from '../src/recording/lines.ts';
import { MOST_MISTAKES, RecordingError } from '../src/recording/mistakes.ts';
import { readRecording, surveyRecording } from '../src/recording/read.ts';
import { type NumberedLine, timeOf } from '../src/recording/types.ts';

let folder = '';
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'recording-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(content: string | Buffer): Promise<string> {
  files += 1;
  const path = join(folder, `${files}.ndjson`);
  await writeFile(path, content);
  return path;
}

async function linesOf(path: string, digest?: string): Promise<readonly NumberedLine[]> {
  const lines: NumberedLine[] = [];
  for await (const group of readRecording(path, digest)) lines.push(...group);
  return lines;
}

async function refusal(content: string | Buffer): Promise<RecordingError> {
  const error: unknown = await surveyRecording(await file(content)).catch((thrown: unknown) => thrown);
  if (!(error instanceof RecordingError)) throw new Error('the recording was let pass');
  return error;
}

const CALL = {
  ...{ kind: 'tool_call', tenantId: 'acme', workflowId: 'w', runId: 'r', attempt: 1, stepIndex: 0 },
  ...{ tool: 'mail.send', arguments: { to: 'x@example.com' }, status: 'succeeded' },
};
const RETRIEVAL = {
  ...{ kind: 'retrieval', tenantId: 'acme', workflowId: 'w', runId: 'r', attempt: 1, stepIndex: 1 },
  ...{ dataSource: 'kb', query: 'refund', documents: [{ id: 'd', tenantId: 'acme', score: 0.5 }] },
};
const text = (...lines: readonly unknown[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

test('lines keep their numbers and the digest is that of the file', async () => {
  const content = text(CALL, RETRIEVAL, { ...CALL, stepIndex: 2, runId: 'r2', workflowId: 'w2' });
  const path = await file(content);
  const survey = await surveyRecording(path);
  expect(survey).toMatchObject({ lines: 3, toolCalls: 2, retrievals: 1, workflows: 2, runs: 2, tenants: ['acme'] });
  expect(survey.digest).toBe(createHash('sha256').update(content).digest('hex'));
  expect(await linesOf(path, survey.digest)).toEqual([
    { number: 1, value: CALL },
    { number: 2, value: RETRIEVAL },
    { number: 3, value: { ...CALL, stepIndex: 2, runId: 'r2', workflowId: 'w2' } },
  ]);
});

test('a byte order mark, carriage returns, blank lines and a missing last line feed change nothing but numbers', async () => {
  const path = await file(`\uFEFF${JSON.stringify(CALL)}\r\n\r\n  \n${JSON.stringify(RETRIEVAL)}`);
  expect(await linesOf(path)).toEqual([
    { number: 1, value: CALL },
    { number: 4, value: RETRIEVAL },
  ]);
});

test('an empty file is an empty recording', async () => {
  expect(await surveyRecording(await file(''))).toMatchObject({ lines: 0, workflows: 0, runs: 0 });
});

test('any text survives the edges of the chunks in which a file is read', async () => {
  const padding = 'ä€😀'.repeat(25_000);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.nat(250_000), fc.json()), { minLength: 1, maxLength: 8 }), async (parts) => {
      const lines = parts.map(([length, json], stepIndex) => {
        const filler = padding.slice(0, length).toWellFormed();
        return { ...CALL, stepIndex, arguments: { filler, value: JSON.parse(json) as unknown } };
      });
      const path = await file(text(...lines));
      // As JSON on both sides: a negative zero does not survive being written.
      expect(JSON.stringify(await linesOf(path))).toBe(JSON.stringify(lines.map((value, index) => ({ number: index + 1, value }))));
    }),
    { numRuns: 25 },
  );
});

test('P1: every mistake is told by line and field, none with a value', async () => {
  const canary = 'canary-4711';
  const error = await refusal(
    [
      { ...CALL, tenantId: 7, attempt: 0, stepIndex: 1.5, status: canary, occurredAt: canary, durationMs: -1, executionId: canary },
      { ...CALL, effect: canary, effectKey: { id: 3, scope: canary }, groundedOn: [7], error: 5 },
      { ...RETRIEVAL, documents: [{ id: '' }, { id: 'd', tenant: canary }], retrievalId: `${canary}\n` },
      { ...CALL, dataSource: canary, tenant_id: canary },
      { ...RETRIEVAL, tool: canary },
      { kind: canary },
      [canary],
    ]
      .map((line) => JSON.stringify(line))
      .concat(`{"${canary}`)
      .join('\n'),
  );
  expect(error.code).toBe('invalid_recording');
  expect(error.mistakes.map(({ line, field }) => `${line} ${field}`)).toEqual([
    ...['1 tenantId', '1 attempt', '1 stepIndex', '1 executionId', '1 occurredAt', '1 durationMs', '1 status'],
    ...['2 effect', '2 effectKey', '2 error', '2 groundedOn[0]'],
    ...['3 retrievalId', '3 documents[0].id', '3 documents[1]', '4 undefined', '4 undefined', '5 undefined'],
    ...['6 kind', '7 undefined', '8 undefined'],
  ]);
  expect(error.message).toContain('line 3, documents[1]: unknown field "tenant"');
  expect(error.message).toContain('line 4: unknown field "dataSource"');
  expect(error.message).toContain('line 4: unknown field "tenant_id"');
  expect(error.message).toMatch(/line 8: not JSON at character \d+$/m);
  expect(error.message).not.toMatch(/canary|4711/);
});

test('P1: what is no JSON is not repeated, even where it looks like a place', async () => {
  const error = await refusal('canary at position 4711\n"canary\n{"a":1 at position 4711 (line 47 column 11)\n');
  expect(error.mistakes.map(({ line }) => line)).toEqual([1, 2, 3]);
  expect(error.message).not.toMatch(/canary|47/);
});

test('a missing field is named, an argument or query that is missing too', async () => {
  const { arguments: _arguments, ...noArguments } = CALL;
  const { query: _query, ...noQuery } = RETRIEVAL;
  const { runId: _runId, ...noRun } = CALL;
  const error = await refusal(text(noArguments, noQuery, noRun));
  expect(error.mistakes.map(({ line, field }) => `${line} ${field}`)).toEqual(['1 arguments', '2 query', '3 runId']);
});

test('null is a value of arguments, results and queries, and of nothing else', async () => {
  expect(await linesOf(await file(text({ ...CALL, arguments: null, result: null }, { ...RETRIEVAL, query: null })))).toHaveLength(2);
  expect((await refusal(text({ ...CALL, agentId: null }))).mistakes[0]).toMatchObject({ line: 1, field: 'agentId' });
});

test('an error lists its first mistakes and stops', async () => {
  const error = await refusal(text(...Array.from({ length: 50 }, () => ({ ...CALL, attempt: 0 }))));
  expect(error.mistakes).toHaveLength(MOST_MISTAKES);
  expect(error.message).toContain('there may be more');
});

test('bytes that are no UTF-8 are a mistake of their line', async () => {
  const broken = Buffer.concat([Buffer.from(text(CALL)), Buffer.from([0x22, 0xc3, 0x28, 0x22, 0x0a]), Buffer.from(text(CALL))]);
  expect((await refusal(broken)).mistakes).toEqual([{ line: 2, field: undefined, problem: 'not UTF-8' }]);
});

test('an id with half a surrogate pair is a mistake', async () => {
  expect((await refusal(`${JSON.stringify(CALL).replace('acme', '\\ud800')}\n`)).mistakes[0]).toMatchObject({ line: 1, field: 'tenantId' });
});

test('an id that no event could carry is a mistake of its line', async () => {
  const error = await refusal(text({ ...CALL, runId: 'x'.repeat(513) }, { ...CALL, tool: 'a\nb' }));
  expect(error.mistakes.map(({ line, field }) => `${line} ${field}`)).toEqual(['1 runId', '2 tool']);
  expect(await linesOf(await file(text({ ...CALL, runId: 'x'.repeat(512) })))).toHaveLength(1);
});

test('a line over the bound is a mistake, whatever it holds, and the lines after it keep their numbers', async () => {
  const long = Buffer.alloc(MOST_LINE_BYTES + 1, 0x20);
  const error = await refusal(
    Buffer.concat([Buffer.from(text(CALL)), long, Buffer.from('\n'), Buffer.from(text({ ...CALL, attempt: 0 }))]),
  );
  expect(error.mistakes.map(({ line }) => line)).toEqual([2, 3]);
  expect(error.mistakes[0]?.problem).toContain('longer than');
});

test('a file that changed between the passes is noticed', async () => {
  const path = await file(text(CALL));
  const { digest } = await surveyRecording(path);
  await writeFile(path, text({ ...CALL, tool: 'mail.sent' }));
  await expect(linesOf(path, digest)).rejects.toMatchObject({ code: 'recording_changed' });
});

test('a long unknown name is cut and its control characters are escaped', async () => {
  const error = await refusal(text({ ...CALL, [`\u001b[31m${'x'.repeat(500)}`]: 1 }));
  expect(error.message).not.toContain('\u001b');
  expect(error.message.length).toBeLessThan(250);
});

test.each([
  ['2026-11-02T09:00:00Z', '2026-11-02T09:00:00.000Z'],
  ['2026-11-02t09:00:00.123456z', '2026-11-02T09:00:00.123Z'],
  ['2026-11-02 09:00:00+05:30', '2026-11-02T03:30:00.000Z'],
  ['2024-02-29T00:00:00-00:00', '2024-02-29T00:00:00.000Z'],
])('%s is a time', (written, meant) => {
  expect(timeOf(written)).toBe(Date.parse(meant));
});

test.each([
  ...[
    '1999-12-31T23:59:59Z',
    '2100-01-01T00:00:00Z',
    '2026-11-02',
    '2026-11-02T09:00:00',
    '2026-02-30T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-11-02T25:00:00Z',
  ],
  ...['2026-11-00T00:00:00Z', '2026-11-02T09:60:00Z', '2026-11-02T09:00:00+24:00', 'yesterday', ''],
])('%j is no time', (written) => {
  expect(timeOf(written)).toBeUndefined();
});
