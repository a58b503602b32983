/** P1: what was not opted in occurs in nothing that leaves the agent: no event, alert, dead letter, column, log line or error. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY_POLICY, eventKey } from '@idemtrace/schemas';
import { createEventBuilder, RunTracker } from '@idemtrace/sdk/internal';
import { openPipeline, openStore, queryLineage, recordsOf, resolveConfig } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { run, temporaryFolder } from '../support/program.ts';

/** The bytes of the record that is none are kept, for operators: everything else is a leak. */
const CANARY = /can4ry(?!4711)\d+/g;
let made = 0;
const canary = () => `can4ry${made++}`;

/** Calls whose every argument, result, query and key holds a canary, in names of members and in values; the second run repeats the first. */
function recording(): string {
  made = 0;
  const lines: object[] = [];
  for (const attempt of [1, 2]) {
    made = 0;
    const common = { tenantId: 'acme', workflowId: 'w', runId: `run-${attempt}`, attempt };
    for (let stepIndex = 0; stepIndex < 12; stepIndex++) {
      const secret = canary();
      lines.push({
        kind: 'tool_call',
        ...common,
        stepIndex,
        toolCallId: `call-${stepIndex}`,
        tool: stepIndex % 3 === 0 ? 'pay' : 'get_customer',
        arguments: { invoice_id: canary(), note: secret, [canary()]: [canary(), { [canary()]: canary() }], opted: canary() },
        effectKey: canary(),
        occurrence: stepIndex === 3 ? canary() : undefined,
        approvalId: stepIndex === 6 ? canary() : undefined,
        status: stepIndex % 4 === 1 ? 'failed' : 'succeeded',
        result: { answer: canary(), [canary()]: canary() },
        error: stepIndex % 4 === 1 ? canary() : undefined,
      });
      lines.push({
        kind: 'retrieval',
        ...common,
        stepIndex,
        toolCallId: `call-${stepIndex}`,
        dataSource: 'kb',
        query: { [canary()]: canary() },
        documents: [{ id: 'd1', tenantId: 'globex' }, { id: 'd2' }],
      });
    }
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

/** Everything that the pipeline keeps and says of a recording, as text. */
async function everything(policy: string) {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'calls.ndjson'), recording());
  await writeFile(join(folder, 'policy.yaml'), policy);
  const env = { IDEMTRACE_LOG_LEVEL: 'trace' };
  const replay = await run(
    folder,
    ['replay', 'calls.ndjson', '--policy', 'policy.yaml', '--data', 'data', '--alerts', 'alerts.ndjson'],
    env,
  );
  expect(replay.code).toBe(0);
  await writeFile(join(folder, 'bad.ndjson'), recording().replaceAll('"tool_call"', '"can4ry1"'));
  const bad = await run(folder, ['replay', 'bad.ndjson'], env);
  expect(bad.code).toBe(2);

  const resolved = resolveConfig({ env: {}, flags: { dataDir: 'data' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  const { config } = resolved;
  const store = await openStore(config);
  // A record that is none: what it holds is kept as its bytes, for operators, and told nowhere else.
  await store.log.append(config.topics.events, [{ key: 'acme/w', value: Buffer.from('can4ry4711') }]);
  await store.close();
  const again = await run(folder, ['replay', 'calls.ndjson', '--policy', 'policy.yaml', '--data', 'data', '--json'], env);
  expect(JSON.parse(again.stdout)).toMatchObject({ deadLetters: 1 });

  const after = await openStore(config);
  const records: string[] = [];
  const letters: string[] = [];
  for (const topic of [config.topics.events, config.topics.alerts, config.topics.deadLetters]) {
    for await (const record of after.log.tail(topic)) {
      const [decoded] = await after.codec.decode([record]);
      if (decoded?.ok && decoded.record.name === 'DeadLetter') letters.push(JSON.stringify({ ...decoded.record.value, value: null }));
      else if (record.value?.toString() !== 'can4ry4711') records.push(`${record.key} ${record.value?.toString('latin1')}`);
    }
  }
  await after.close();
  const lineage = await queryLineage(config);
  const columns: string[] = [];
  const tables = await lineage.client.query({
    // A view with parameters shows rows of tables that are looked at themselves.
    query: `SELECT name FROM system.tables WHERE database = currentDatabase() AND name NOT LIKE '.%'
      AND NOT (engine = 'View' AND position(create_table_query, '{') > 0)`,
    format: 'JSONEachRow',
  });
  for (const { name } of await tables.json<{ name: string }>()) {
    const rows = await lineage.client.query({ query: 'SELECT * FROM {name:Identifier}', query_params: { name }, format: 'JSONEachRow' });
    columns.push(await rows.text());
  }
  await lineage.close();
  expect(records.length).toBeGreaterThan(100);
  expect(columns.join('').length).toBeGreaterThan(10_000);
  const texts = {
    records: records.join('\n'),
    letters: letters.join('\n'),
    columns: columns.join('\n'),
    said: replay.stdout + replay.stderr + bad.stderr + again.stderr,
  };
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, [...new Set(text.match(CANARY) ?? [])].sort()]));
}

const POLICY = 'version: privacy-1\ndefaultEffect: write\ntools:\n  "get_*": { effect: read }\n';

test('P1: no canary of arguments, results, queries, keys or errors leaves the agent', async () => {
  expect(await everything(POLICY)).toEqual({ records: [], letters: [], columns: [], said: [] });
});

test('P1: a field that the policy opts in appears, and only that one', async () => {
  const found = await everything(`${POLICY}  pay: { effect: write, disclose: { input: [opted] } }\n`);
  const opted = new Set(
    recording()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ tool }) => tool === 'pay')
      .map((call) => call.arguments.opted),
  );
  expect(found).toEqual({ records: [...opted].sort(), letters: [], columns: [...opted].sort(), said: [] });
});

test('P1, W7: a record that cannot be judged is told without anything that it holds', async () => {
  const folder = await temporaryFolder();
  const resolved = resolveConfig({ env: {}, flags: { dataDir: 'data', 'lineage.mode': 'off' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  const said: string[] = [];
  const log = (fields: object, message: string) => said.push(`${JSON.stringify(fields)} ${message}`);
  const { config } = resolved;
  const { store, drained, close } = await openPipeline({ config, logger: { info: log, warn: log, error: log } });
  const { codec } = store;

  let sequence = 0;
  const builder = createEventBuilder({
    hashKey: { id: 'test', secret: 'a secret of at least thirty-two bytes' },
    policy: EMPTY_POLICY,
    origin: () => ({ emitterId: '018f2f6e-0000-7000-8000-000000000001', sequence: sequence++ }),
  });
  const scope = { tenantId: 'can4ry1', workflowId: 'can4ry2', runId: 'can4ry3', attempt: 1 };
  const call = { tool: 'can4ry4', input: {}, stepIndex: 0, executionId: '018f2f6e-0001-7000-8000-000000000001' };
  const event = builder.started(builder.prepareCall(scope, call, new RunTracker()), { occurredAt: Date.UTC(2026, 10, 1) });
  const [record] = recordsOf([event], codec);
  const whole = record?.value ?? Buffer.alloc(0);
  const key = eventKey('can4ry1', 'can4ry2');
  const withByte = (byte: number) => {
    const damaged = Buffer.from(whole);
    damaged[damaged.indexOf('can4ry4')] = byte;
    return damaged;
  };
  const poisons = [
    { key: 'can4ry5/can4ry6', value: whole },
    { key: null, value: whole },
    { key, value: withByte(0x07) },
    { key, value: withByte(0xff) },
    { key, value: whole.subarray(0, -3) },
    { key, value: Buffer.concat([whole, Buffer.from('can4ry7')]) },
    { key, value: Buffer.from('can4ry8') },
    { key: 'can4ry9 is no key', value: Buffer.alloc(0) },
  ];
  // One partition, so that the letters come in the order of the records.
  await store.log.append(
    config.topics.events,
    poisons.map((poison) => ({ ...poison, partition: 0 })),
  );
  await drained();
  const letters = [];
  for await (const letter of store.log.tail(config.topics.deadLetters)) {
    const [decoded] = await codec.decode([letter]);
    if (decoded?.ok && decoded.record.name === 'DeadLetter') letters.push(decoded.record.value);
  }
  await close();
  expect(letters.map(({ offset, value }) => ({ offset, value }))).toEqual(poisons.map(({ value }, offset) => ({ offset, value })));
  expect(letters.map(({ reason, detail }) => `${reason}: ${detail}`).filter((text) => text.includes('can4ry'))).toEqual([]);
  expect(said.filter((text) => text.includes('can4ry'))).toEqual([]);
});

test('P1: what is wrong with a recording is told by line and field, without a value', async () => {
  const folder = await temporaryFolder();
  const common = {
    kind: 'tool_call',
    tenantId: 'acme',
    workflowId: 'w',
    runId: 'r',
    attempt: 1,
    stepIndex: 0,
    tool: 'pay',
    status: 'succeeded',
  };
  const wrong: readonly (readonly [field: string, line: object | string])[] = [
    ['kind', { ...common, arguments: {}, kind: 'can4ry1' }],
    ['status', { ...common, arguments: {}, status: 'can4ry2' }],
    ['attempt', { ...common, arguments: {}, attempt: 'can4ry3' }],
    ['effectKey', { ...common, arguments: {}, effectKey: { id: 'can4ry4', scope: 'can4ry5' } }],
    ['occurredAt', { ...common, arguments: {}, occurredAt: 'can4ry6' }],
    ['executionId', { ...common, arguments: {}, executionId: 'can4ry7' }],
    ['groundedOn', { ...common, arguments: {}, groundedOn: 'can4ry8' }],
    ['error', { ...common, arguments: {}, error: { can4ry9: 'can4ry10' } }],
    ['not JSON', `{"kind":"tool_call","arguments":{"can4ry11":can4ry12}}`],
    ['not JSON', `can4ry13`],
  ];
  const lines = wrong.map(([, line]) => (typeof line === 'string' ? line : JSON.stringify(line)));
  await writeFile(join(folder, 'bad.ndjson'), `${lines.join('\n')}\n`);
  const { code, stdout, stderr } = await run(folder, ['replay', 'bad.ndjson', '--json'], { IDEMTRACE_LOG_LEVEL: 'trace' });
  expect({ code, stdout, leaks: stderr.match(CANARY) }).toEqual({ code: 2, stdout: '', leaks: null });
  for (const [index, [field]] of wrong.entries()) expect(stderr).toMatch(new RegExp(`line ${index + 1}\\b.*${field}`));
});
