import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClickHouseError, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmbeddedEngineError, startEmbeddedEngine } from '../src/embedded/index.ts';
import { connectLineage } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';

let running: TestEngine;
beforeAll(async () => {
  running = await startTestEngine();
});
afterAll(async () => {
  await running.stop();
});

async function eventually(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('what @clickhouse/client does to a server', () => {
  test('rows that were inserted come back, whatever characters they hold', async () => {
    const { client } = running;
    await client.command({ query: 'CREATE TABLE words (n UInt64, word String, tags Array(String)) ENGINE = MergeTree ORDER BY n' });
    const rows = [
      { n: 1, word: 'naïve "quoted" \\ back\nline\ttab \u2028', tags: ["it's", '🦔'] },
      { n: 2, word: '', tags: [] },
    ];
    const { summary } = await client.insert({ table: 'words', values: rows, format: 'JSONEachRow' });
    expect(summary?.written_rows).toBe('2');
    const found = await client.query({ query: 'SELECT * FROM words ORDER BY n', format: 'JSONEachRow' });
    expect(await found.json()).toEqual(rows);
  });

  test('parameters arrive as they were given, and identifiers are quoted', async () => {
    const words = `it's a \\ "test"\n\twith 🦔 and {n:UInt8}`;
    const found = await running.client.query({
      query:
        'SELECT {text:String} AS text, {list:Array(String)} AS list, {nothing:Nullable(String)} AS nothing, name FROM system.{t:Identifier} WHERE name = {name:String}',
      query_params: { text: words, list: [words, 'b'], nothing: null, t: 'databases', name: 'default' },
      format: 'JSONEachRow',
    });
    expect(await found.json()).toEqual([{ text: words, list: [words, 'b'], nothing: null, name: 'default' }]);
  });

  test('a parameter cannot end its literal and become SQL', async () => {
    const attack = "'; DROP TABLE words; --\\";
    const found = await running.client.query({ query: 'SELECT {x:String} AS x', query_params: { x: attack }, format: 'JSONEachRow' });
    expect(await found.json()).toEqual([{ x: attack }]);
  });

  test('settings hold for their own request alone', async () => {
    const ask = async (settings: Record<string, string>): Promise<unknown> => {
      const found = await running.client.query({
        query: "SELECT getSetting('max_block_size') AS size",
        clickhouse_settings: settings,
        format: 'JSONEachRow',
      });
      return found.json();
    };
    const before = await ask({});
    expect(await ask({ max_block_size: '1234' })).toEqual([{ size: 1234 }]);
    expect(await ask({})).toEqual(before);
  });

  test('a large result streams row by row, with compression and without', async () => {
    const query = 'SELECT number AS n FROM numbers(300000)';
    for (const response of [false, true]) {
      const client = createClient({
        url: running.engine.url,
        username: running.engine.username,
        password: running.engine.password,
        compression: { request: response, response },
      });
      const found = await client.query({ query, format: 'JSONEachRow' });
      let count = 0;
      let last: unknown;
      for await (const rows of found.stream()) {
        count += rows.length;
        last = rows.at(-1)?.json();
      }
      await client.insert({ table: 'words', values: [{ n: 3, word: 'compressed', tags: [] }], format: 'JSONEachRow' });
      await client.close();
      expect({ count, last }).toEqual({ count: 300_000, last: { n: 299_999 } });
    }
  });

  test('CSV with names, JSON and an empty result have the form that ClickHouse gives them', async () => {
    const { client } = running;
    const ask = async (query: string, format: 'CSVWithNames' | 'CSV'): Promise<string> => (await client.query({ query, format })).text();
    expect(await ask("SELECT 1 AS a, 'x,\"y' AS b", 'CSVWithNames')).toBe('"a","b"\n1,"x,""y"\n');
    expect(await ask('SELECT 1 WHERE 0', 'CSV')).toBe('');
    const json = await (await client.query({ query: 'SELECT 1 AS a FROM numbers(2)', format: 'JSON' })).json();
    expect(json).toMatchObject({ rows: 2, data: [{ a: 1 }, { a: 1 }] });
  });

  test('exec inserts rows from a stream, and answers with a stream', async () => {
    const { client } = running;
    const values = Readable.from(['10\tten\t[]\n', "11\televen\t['x']\n"], { objectMode: false });
    const inserted = await client.exec({ query: 'INSERT INTO words (n, word, tags) FORMAT TabSeparated', values });
    await text(inserted.stream);
    const { stream } = await client.exec({ query: 'SELECT word FROM words WHERE n >= 10 ORDER BY n FORMAT TabSeparated' });
    expect(await text(stream)).toBe('ten\neleven\n');
  });

  test('rows in columns (Native) go in as they came out', async () => {
    const { client } = running;
    const { stream } = await client.exec({
      query: 'SELECT number + 100 AS n, word, tags FROM (SELECT n AS number, word, tags FROM words WHERE n IN (1, 11)) FORMAT Native',
    });
    const columns = await buffer(stream);
    const inserted = await client.exec({
      query: 'INSERT INTO words (n, word, tags) FORMAT Native',
      values: Readable.from([columns], { objectMode: false }),
    });
    await text(inserted.stream);
    const result = await client.query({
      query: 'SELECT countDistinct(word, tags) AS kinds, count() AS rows FROM words WHERE n % 100 IN (1, 11)',
      format: 'JSONEachRow',
    });
    expect((await result.json<{ kinds: string; rows: string }>()).map(({ kinds, rows }) => [Number(kinds), Number(rows)])).toEqual([
      [2, 4],
    ]);
  });

  test('an error keeps the code that ClickHouse gives it', async () => {
    const failure = running.client.query({ query: 'SELECT * FROM nowhere', format: 'JSONEachRow' });
    await expect(failure).rejects.toMatchObject({ code: '60', type: 'UNKNOWN_TABLE' });
    const refused = running.client.insert({ table: 'words', values: [{ n: 'no number' }], format: 'JSONEachRow' });
    await expect(refused).rejects.toBeInstanceOf(ClickHouseError);
  });

  test('an error in mid-stream is thrown where rows are read, never taken for the end of the result', async () => {
    // A block a row, each slow enough to have been sent before the last one fails.
    const query = 'SELECT number, sleepEachRow(0.05) AS slept, throwIf(number = 3) AS t FROM numbers(4)';
    const clickhouse_settings = { max_threads: 1, max_block_size: '1' };
    const { url, username, password } = running.engine;
    for (const response of [false, true]) {
      const client = createClient({ url, username, password, compression: { response }, log: { level: ClickHouseLogLevel.OFF } });
      const found = await client.query({ query, format: 'JSONEachRow', clickhouse_settings });
      let rows = 0;
      const reading = async (): Promise<void> => {
        for await (const block of found.stream()) rows += block.length;
      };
      await expect(reading()).rejects.toMatchObject({ code: '395' });
      // Compressed rows may arrive together with the error, and go with it.
      if (!response) expect(rows).toBe(3);
      const asText = await client.query({ query, format: 'CSV', clickhouse_settings });
      await expect(asText.text()).rejects.toThrow();
      await client.close();
    }
  });

  test('an aborted query stops in the engine, and its id is what was given', async () => {
    const { client } = running;
    const controller = new AbortController();
    const endless = client.query({
      query: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1',
      query_id: 'endless-1',
      abort_signal: controller.signal,
      format: 'JSONEachRow',
    });
    const ended = expect(endless).rejects.toThrow(/aborted/);
    const count = async (): Promise<number> => {
      const found = await client.query({
        query: "SELECT count() AS n FROM system.processes WHERE Settings['log_comment'] = 'endless-1'",
        format: 'JSONEachRow',
      });
      const [row] = await found.json<{ n: number }>();
      return Number(row?.n);
    };
    await eventually(async () => (await count()) === 1);
    controller.abort();
    await ended;
    await eventually(async () => (await count()) === 0);
    const endlessRows = await client.query({
      query: 'SELECT number FROM numbers(1000000000000)',
      query_id: 'endless-1',
      format: 'JSONEachRow',
    });
    await eventually(async () => (await count()) === 1);
    endlessRows.close();
    await eventually(async () => (await count()) === 0);
    const killed = client.query({ query: 'SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1', query_id: 'endless-1' });
    const refused = expect(killed).rejects.toMatchObject({ code: '394' });
    await eventually(async () => (await count()) === 1);
    await client.command({ query: "KILL QUERY WHERE query_id = 'endless-1' ASYNC" });
    await refused;
    const { query_id } = await client.query({ query: 'SELECT 1', query_id: 'named-1', format: 'JSONEachRow' });
    expect(query_id).toBe('named-1');
  });

  test('parallel queries keep their parameters and settings apart', async () => {
    const ask = async (i: number): Promise<unknown> => {
      const found = await running.client.query({
        query: "SELECT {i:UInt32} AS i, getSetting('max_block_size') AS size FROM numbers(3)",
        query_params: { i },
        clickhouse_settings: { max_block_size: String(1_000 + i) },
        format: 'JSONEachRow',
      });
      return found.json();
    };
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i)));
    expect(answers).toEqual(Array.from({ length: 60 }, (_, i) => Array(3).fill({ i, size: 1_000 + i })));
  });

  test('a wrong password is refused, and so is none', async () => {
    const { url, username } = running.engine;
    const stranger = connectLineage({ url, username, password: 'wrong' });
    await expect(stranger.query({ query: 'SELECT 1' })).rejects.toMatchObject({ code: '516' });
    await expect(stranger.insert({ table: 'words', values: [{ n: 1 }], format: 'JSONEachRow' })).rejects.toMatchObject({ code: '516' });
    await stranger.close();
    expect((await fetch(`${url}/?query=SELECT%201`)).status).toBe(403);
  });
});

describe('processes', () => {
  test('the engine is started again on the same port when it is killed, and no acknowledged row is lost', async () => {
    const { client, engine } = running;
    await client.command({ query: 'CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n' });
    await client.insert({ table: 'kept', values: [{ n: 1 }, { n: 2 }], format: 'JSONEachRow' });
    const first = engine.pid;
    process.kill(first ?? 0, 'SIGKILL');
    await eventually(() => engine.restarts === 1 && engine.pid !== undefined);
    await eventually(async () => (await client.ping()).success);
    const found = await client.query({ query: 'SELECT n FROM kept ORDER BY n', format: 'JSONEachRow' });
    expect(await found.json()).toEqual([{ n: 1 }, { n: 2 }]);
    expect(engine.pid).not.toBe(first);
  });

  test('two engines on one folder: the second is refused by name', async () => {
    await expect(startEmbeddedEngine({ path: running.path })).rejects.toMatchObject({ code: 'engine_in_use' });
  });

  test('without the engine the error says what to install', async () => {
    const path = await mkdtemp(join(tmpdir(), 'idemtrace-lineage-'));
    const missing = await startEmbeddedEngine({ path, engine: 'no-such-engine' }).catch((error: unknown) => error);
    await rm(path, { recursive: true });
    expect(missing).toBeInstanceOf(EmbeddedEngineError);
    expect(missing).toMatchObject({ code: 'engine_unavailable', message: expect.stringContaining('pnpm add chdb') });
  });

  test('the engine ends with its parent, also when the parent is killed', async () => {
    const path = await mkdtemp(join(tmpdir(), 'idemtrace-lineage-'));
    const entry = fileURLToPath(new URL('./support/engine-holder.ts', import.meta.url));
    const parent: ChildProcess = spawn(process.execPath, [entry], {
      env: { ...process.env, ENGINE_PATH: path },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = (await once(parent.stdout ?? parent, 'data')) as [Buffer];
    const pid = Number(line.toString().trim());
    expect(alive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await eventually(() => !alive(pid));
    const again = await startEmbeddedEngine({ path });
    await again.stop();
    await rm(path, { recursive: true });
  });
});
