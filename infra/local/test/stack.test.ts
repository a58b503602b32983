/** `services:up`, `services:status` and `services:down`, as a person calls them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runningProcesses } from '../src/process-table.ts';
import { askRedis } from '../src/redis/ask.ts';
import { STACK } from '../src/stack/index.ts';

const PATIENT = { timeout: 240_000 };
const SCRIPTS = join(import.meta.dirname, '../scripts');
let state: string;

beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), 'idemtrace-stack-'));
});
afterAll(async () => {
  await script('down');
  rmSync(state, { recursive: true, force: true });
}, 120_000);

function script(name: 'up' | 'down' | 'status', ...args: string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [join(SCRIPTS, `${name}.ts`), '--state', state, ...args], (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, output: stdout + stderr });
    });
  });
}

interface Remembered {
  readonly known: {
    readonly pid: number;
    readonly ports: Readonly<Record<string, number>>;
    readonly environment: Readonly<Record<string, string>>;
  };
  readonly isStopped: boolean;
}
const fileOf = (name: string) => join(state, name, 'service.json');
const remembered = (name: string) => JSON.parse(readFileSync(fileOf(name), 'utf8')) as Remembered;
const conditions = (output: string) =>
  Object.fromEntries(
    output
      .split('\n')
      .map((line) => line.split(/\s+/))
      .filter(([name]) => (STACK as readonly string[]).includes(name ?? ''))
      .map(([name, condition]) => [name, condition]),
  );
const all = (condition: string) => Object.fromEntries(STACK.map((name) => [name, condition]));

test('all start, outlive the script, and are told with addresses and what points idemtrace at them', PATIENT, async () => {
  expect(await script('status')).toMatchObject({ exitCode: 1 });
  const { exitCode, output } = await script('up');
  expect({ exitCode, output }).toEqual({ exitCode: 0, output: expect.stringContaining('export IDEMTRACE_KAFKA_BROKERS=127.0.0.1:') });
  const status = await script('status');
  expect(status.exitCode).toBe(0);
  expect(conditions(status.output)).toEqual(all('running'));
  expect(status.output).toMatch(/kafka +running +\d+ +\d+ \d+ +\d+ MiB +127\.0\.0\.1:\d+/);
  const exported = readFileSync(join(state, 'environment.sh'), 'utf8').matchAll(/^export (\w+)=(\S+)$/gm);
  expect(Array.from(exported, ([, variable]) => variable)).toEqual([
    'IDEMTRACE_KAFKA_BROKERS',
    'IDEMTRACE_KAFKA_REPLICATION_FACTOR',
    'IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS',
    'IDEMTRACE_REGISTRY_URL',
    'IDEMTRACE_REDIS_URL',
    'IDEMTRACE_CLICKHOUSE_URL',
    'IDEMTRACE_CLICKHOUSE_USERNAME',
    'IDEMTRACE_CLICKHOUSE_PASSWORD',
  ]);
});

test('a second up leaves alone what runs and starts what died, where it was, with its data', PATIENT, async () => {
  const before = Object.fromEntries(STACK.map((name) => [name, remembered(name).known]));
  const port = before.redis?.ports.redis ?? 0;
  await askRedis(port, 'SET kept yes');
  await askRedis(port, 'CONFIG SET appendfsync always');
  await askRedis(port, 'SET kept really');
  process.kill(before.redis?.pid ?? 0, 'SIGKILL');
  const dead = await script('status');
  expect({ exitCode: dead.exitCode, conditions: conditions(dead.output) }).toEqual({
    exitCode: 1,
    conditions: { ...all('running'), redis: 'dead' },
  });

  expect(await script('up')).toMatchObject({ exitCode: 0 });
  const after = Object.fromEntries(STACK.map((name) => [name, remembered(name).known]));
  expect({ ...after, redis: undefined }).toEqual({ ...before, redis: undefined });
  expect(after.redis).toEqual({ ...before.redis, pid: expect.any(Number) });
  expect(after.redis?.pid).not.toBe(before.redis?.pid);
  expect(await askRedis(port, 'GET kept')).toBe('$6\r\nreally\r\n');
});

test('a pid that belongs to another program by now is neither taken for the service nor stopped', PATIENT, async () => {
  const whole = remembered('redis');
  writeFileSync(fileOf('redis'), JSON.stringify({ ...whole, known: { ...whole.known, pid: process.pid } }));
  expect(conditions((await script('status')).output)).toMatchObject({ redis: 'dead' });
  await script('down', '--only', 'redis');
  expect(conditions((await script('status', '--only', 'redis')).output)).toEqual({ redis: 'stopped' });
  // This test, whose pid it was, goes on; the server that is there in truth is stopped by its own.
  writeFileSync(fileOf('redis'), JSON.stringify(whole));
  expect(conditions((await script('status', '--only', 'redis')).output)).toEqual({ redis: 'running' });
});

test('down ends what it is told to, and everything without being told', PATIENT, async () => {
  await script('down', '--only', 'redis,clickhouse');
  const some = await script('status');
  expect({ exitCode: some.exitCode, conditions: conditions(some.output) }).toEqual({
    exitCode: 1,
    conditions: { ...all('running'), redis: 'stopped', clickhouse: 'stopped' },
  });
  await script('down');
  expect(conditions((await script('status')).output)).toEqual(all('stopped'));
  expect((await runningProcesses()).filter(({ command }) => command.includes(`${state}/`) && !command.includes('ps -A'))).toEqual([]);
});

test('a service that does not exist is refused with the names of those that do', async () => {
  const { exitCode, output } = await script('up', '--only', 'redis,rabbit');
  expect(exitCode).toBe(2);
  expect(output).toContain('--only rabbit is no service: there are kafka, registry, redis, clickhouse, postgres.');
});
