/** A tenant is erased: nothing of it is left in any file, and what others have is as it was. */
import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Alert, eventKey } from '@idemtrace/schemas';
import { type Config, openPipeline, openStore, queryLineage, resolveConfig } from 'idemtrace/internal';
import { expect, test } from 'vitest';
import { run, temporaryFolder } from '../support/program.ts';
import { CANARY, ERASED, KEPT, POLICY, twoTenants } from '../support/two-tenants.ts';

const REPLAY = ['replay', 'calls.ndjson', '--policy', 'policy.yaml', '--data', 'data', '--json'];
const ERASE = ['erase', '--tenant', ERASED, '--data', 'data', '--json'];
const TABLES = ['run_events', 'tool_call_events', 'retrieval_events', 'alerts', 'dead_letters'];
const silent = { info: () => {}, warn: () => {}, error: () => {} };

interface Place {
  readonly store: string;
  readonly place: string;
  readonly found: number;
  readonly removed: number;
  readonly left: number;
}

function configOf(folder: string): Config {
  const resolved = resolveConfig({ env: {}, flags: { dataDir: 'data' }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  return resolved.config;
}

/** A folder in which both tenants were judged and stored, the one to be erased with bad records too: under its key, under another's, and cut. */
async function judged(): Promise<{ readonly folder: string; readonly config: Config }> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'calls.ndjson'), twoTenants());
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  expect(await run(folder, REPLAY)).toMatchObject({ code: 0 });
  const config = configOf(folder);
  const store = await openStore(config);
  let value: Buffer = Buffer.alloc(0);
  for await (const record of store.log.tail(config.topics.events)) {
    if (record.key?.toString() === eventKey(ERASED, `${CANARY}-workflow-0`)) value = record.value ?? value;
  }
  expect(value.includes(CANARY)).toBe(true);
  await store.log.append(config.topics.events, [
    { key: eventKey(ERASED, `${CANARY}-bad`), value: Buffer.from(`${CANARY} is no record`) },
    { key: eventKey(KEPT, 'of another'), value },
    { key: null, value, headers: { token: Buffer.from(CANARY) } },
    { key: eventKey(KEPT, 'bad'), value: Buffer.from('no record') },
  ]);
  await store.close();
  const replayed = await run(folder, REPLAY);
  expect(JSON.parse(replayed.stdout)).toMatchObject({ deadLetters: 4 });
  return { folder, config };
}

/** Files in which the canary's bytes are, in clear or in base64, wherever in it they fall. */
function marked(folder: string): readonly string[] {
  const needles = [Buffer.from(CANARY), ...[0, 1, 2].map((shift) => inBase64(shift))];
  return globSync('**/*', { cwd: folder })
    .filter((file) => statSync(join(folder, file)).isFile())
    .filter((file) => {
      const bytes = readFileSync(join(folder, file));
      return needles.some((needle) => bytes.includes(needle));
    });
}

function inBase64(shift: number): Buffer {
  const encoded = Buffer.from(`${'.'.repeat(shift)}${CANARY}...`).toString('base64');
  return Buffer.from(encoded.slice(Math.ceil((shift * 4) / 3), Math.floor(((shift + CANARY.length) * 4) / 3)));
}

/** Rows of each table that are not the tenant's, as text without their places in time. */
async function rowsOf(config: Config, condition: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const lineage = await queryLineage(config);
  try {
    const rows: Record<string, readonly string[]> = {};
    for (const table of TABLES) {
      const where = table === 'dead_letters' ? "NOT position(ifNull(base64Decode(valueBase64), ''), {canary:String}) > 0" : condition;
      const result = await lineage.client.query({
        query: `SELECT * FROM ${table} WHERE ${where}`,
        query_params: { canary: CANARY, kept: KEPT },
        format: 'JSONEachRow',
      });
      rows[table] = (await result.json<object>()).map((row) => JSON.stringify(row)).toSorted();
    }
    return rows;
  } finally {
    await lineage.close();
  }
}

interface Contents {
  readonly alerts: readonly Alert[];
  readonly records: readonly string[];
}

/** What the log holds of the tenant that stays; `records` are places and bytes. */
async function keptIn(config: Config): Promise<Contents> {
  const { log, codec, close } = await openStore(config);
  const alerts: Alert[] = [];
  const records: string[] = [];
  for (const topic of [config.topics.events, config.topics.alerts, config.topics.deadLetters]) {
    for await (const record of log.tail(topic)) {
      if (record.key?.toString().startsWith(`${KEPT}/`) !== true || record.value?.includes(CANARY) === true) continue;
      const { partition, offset, logTime, value } = record;
      records.push(`${topic} ${partition} ${offset} ${logTime} ${value?.toString('base64')}`);
      const [decoded] = await codec.decode([record]);
      if (decoded?.ok && decoded.record.name === 'Alert') alerts.push(decoded.record.value);
    }
  }
  await close();
  return { alerts, records };
}

test('an erased tenant is in no file of the data folder, and the others have what they had', async () => {
  const { folder, config } = await judged();
  const data = join(folder, 'data');
  const [keptBefore, rowsBefore] = [await keptIn(config), await rowsOf(config, 'tenantId = {kept:String}')];
  expect(keptBefore.alerts.length).toBeGreaterThan(20);
  expect(rowsBefore.alerts?.length).toBe(keptBefore.alerts.length);
  const before = marked(data);
  expect(before.some((file) => file.startsWith('log/'))).toBe(true);
  expect(before.some((file) => file.startsWith('lineage/'))).toBe(true);
  expect(readdirSync(join(data, 'hash-salts'))).toHaveLength(2);

  const erased = await run(folder, [...ERASE, '--yes']);
  expect(erased).toMatchObject({ code: 0 });
  const { places } = JSON.parse(erased.stdout) as { readonly places: readonly Place[] };
  expect(places.map(({ store, place }) => `${store} ${place}`)).toEqual([
    `log ${config.topics.events}`,
    `log ${config.topics.alerts}`,
    `log ${config.topics.deadLetters}`,
    'windows memory',
    ...TABLES.map((table) => `lineage ${table}`),
    'hash keys data folder',
  ]);
  expect(places.filter(({ left, found, removed }) => left !== 0 || found !== removed)).toEqual([]);
  expect(places.filter(({ found }) => found === 0).map(({ store }) => store)).toEqual(['windows']);

  expect(marked(data)).toEqual([]);
  expect(readdirSync(join(data, 'hash-salts'))).toHaveLength(1);
  expect(await keptIn(config)).toEqual(keptBefore);
  expect(await rowsOf(config, 'true')).toEqual(rowsBefore);
});

test('W5: windows that are rebuilt after an erasure, and a sink that goes on, bring nothing of the tenant back', async () => {
  const { folder, config } = await judged();
  expect(await run(folder, [...ERASE, '--yes'])).toMatchObject({ code: 0 });
  const kept = await keptIn(config);
  const pipeline = await openPipeline({ config, logger: silent });
  await pipeline.store.log.append(config.topics.events, [{ key: eventKey(KEPT, 'bad'), value: Buffer.from('no record either') }]);
  await pipeline.drained();
  await pipeline.close();
  expect((await keptIn(config)).alerts).toEqual(kept.alerts);
  expect(Object.values(await rowsOf(config, 'tenantId != {kept:String}')).slice(0, 4)).toEqual([[], [], [], []]);
  expect(marked(join(folder, 'data'))).toEqual([]);

  // Replayed again, the tenant that stays is known; the other one is new, under keys that it never had.
  const again = JSON.parse((await run(folder, REPLAY)).stdout) as { readonly deadLetters: number };
  expect(again.deadLetters).toBe(2);
  expect((await keptIn(config)).alerts).toEqual(kept.alerts);
  expect(readdirSync(join(folder, 'data/hash-salts'))).toHaveLength(2);
});

test('an erasure that was broken off is finished by the next one, and one more finds nothing', async () => {
  const { folder } = await judged();
  expect(await run(folder, [...ERASE, '--yes'])).toMatchObject({ code: 0 });
  const again = await run(folder, [...ERASE, '--yes']);
  expect(again).toMatchObject({ code: 0 });
  const { places } = JSON.parse(again.stdout) as { readonly places: readonly Place[] };
  expect(places.filter(({ found }) => found > 0)).toEqual([]);
});

test('without --yes, and nobody to ask, nothing is erased; nor while a process holds windows of the folder', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'calls.ndjson'), twoTenants());
  await writeFile(join(folder, 'policy.yaml'), POLICY);
  expect(await run(folder, REPLAY)).toMatchObject({ code: 0 });
  const asked = await run(folder, ERASE);
  expect(asked).toMatchObject({ code: 2, stdout: '' });
  expect(asked.stderr).toContain('--yes');

  const pipeline = await openPipeline({ config: configOf(folder), logger: silent });
  const refused = await run(folder, [...ERASE, '--yes']);
  await pipeline.close();
  expect(refused).toMatchObject({ code: 3, stdout: '' });
  expect(refused.stderr).toContain('Another process');
  expect(existsSync(join(folder, 'data/hash-salts'))).toBe(true);
  expect(marked(join(folder, 'data')).length).toBeGreaterThan(0);
});
