import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const workspace = join(root, '../..');
const folder = mkdtempSync(join(tmpdir(), 'idemtrace-consumer-'));
const installed = join(folder, 'node_modules/@idemtrace/sdk');

interface Manifest {
  readonly publishConfig: { readonly exports: Readonly<Record<string, { readonly types: string; readonly default: string }>> };
}

/** What a user writes who has nothing but the published package. */
const CONSUMER = `
import { createIdemtrace, currentCall, type Effect, IdemtraceError, type Run, type ToolCallEvent, type ToolOptions } from '@idemtrace/sdk';
import { httpTransport } from '@idemtrace/sdk/http';
import { recordingTransport } from '@idemtrace/sdk/testing';

const effect: Effect = 'write';
export const options: ToolOptions<{ invoice: string }, Promise<string>> = { effect, effectKey: (input) => input.invoice };
export const transport = recordingTransport();
export const idemtrace = createIdemtrace({ transport, hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' } });
export const charge = idemtrace.tool('charge', async (input: { invoice: string }) => \`\${input.invoice} \${currentCall()?.executionId}\`, options);
const answer: Promise<string> = idemtrace.run({ tenantId: 'acme', workflowId: 'w' }, (run: Run) => charge({ invoice: run.runId }));

await answer;
const counters = await idemtrace.flush();
const phases = transport.toolCalls.map((event: ToolCallEvent) => event.phase);
let code: unknown;
try {
  httpTransport({ url: 'no url', apiKey: 'k' });
} catch (error) {
  code = error instanceof IdemtraceError ? error.code : error;
}
console.log(JSON.stringify({ phases, sent: counters.sent, code }));
`;

/** What a user writes who works with Kafka, and has installed the clients for it. */
const KAFKA_CONSUMER = `
import { createIdemtrace, TransportError } from '@idemtrace/sdk';
import { type Alert, type AlertSubscription, type AlertSubscriptionOptions, LogError, subscribeToAlerts } from '@idemtrace/sdk/alerts';
import { kafkaTransport, type KafkaTransportOptions } from '@idemtrace/sdk/kafka';
import { recordingTransport } from '@idemtrace/sdk/testing';

const brokers = ['127.0.0.1:1'];
const registry = { idOf: async () => 7, schemaById: async () => undefined };
export const secure: KafkaTransportOptions = {
  brokers,
  registry: { url: 'https://registry.example', auth: { token: 't' }, tls: { ca: 'pem' } },
  sasl: { mechanism: 'scram-sha-512', username: 'agent', password: 'p' },
  tls: { ca: 'pem' },
};
export const onAlert = async (alert: Alert): Promise<void> => console.error(alert.severity, alert.summary, alert.evidence.runs);
export const options: AlertSubscriptionOptions = { brokers, registryUrl: 'http://127.0.0.1:1', group: 'pager', attempts: 3 };
export const subscribe = async (): Promise<AlertSubscription> => subscribeToAlerts({ ...options, minSeverity: 'critical' }, onAlert);

const recording = recordingTransport();
const idemtrace = createIdemtrace({ transport: recording, hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' } });
idemtrace.run({ tenantId: 'acme', workflowId: 'w' }, () => 'done');
await idemtrace.flush();
const transport = kafkaTransport({ brokers, registry });
const unsent: unknown = await transport.send(recording.events).catch((error: unknown) => error);
const refused: unknown = await subscribeToAlerts({ brokers, registry, group: 'pager' }, onAlert).catch((error: unknown) => error);
const unreached: unknown = await subscribe().catch((error: unknown) => error);
const retriable = unsent instanceof TransportError && unsent.retriable;
const code = refused instanceof LogError ? refused.code : refused;
console.log(JSON.stringify({ retriable, code, registry: Object(unreached).code }));
`;

beforeAll(async () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  await run(process.execPath, ['scripts/build.ts', '--out', join(installed, 'dist')], { cwd: root });
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ ...manifest, ...manifest.publishConfig }));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  writeFileSync(join(folder, 'kafka-consumer.ts'), KAFKA_CONSUMER);
  cpSync(join(workspace, 'tsconfig.base.json'), join(folder, 'base.json'));
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every published entry has its code and its types', () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest['publishConfig'];
  expect(Object.keys(exports)).toEqual(['.', './http', './kafka', './alerts', './testing', './internal']);
  const missing = Object.values(exports).flatMap((entry) =>
    [entry.types, entry.default].filter((path) => !existsSync(join(installed, path))),
  );
  expect(missing).toEqual([]);
});

test('the published package compiles strictly, its own declarations checked, and types derived from it can be declared', async () => {
  const compilerOptions = {
    typeRoots: [join(workspace, 'node_modules/@types')],
    skipLibCheck: false,
    declaration: true,
    noEmit: false,
    outDir: 'out',
  };
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: './base.json', compilerOptions, files: ['consumer.ts', 'kafka-consumer.ts'] }),
  );
  const compiler = join(workspace, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
}, 180_000);

test('the published package runs, with nothing else installed', async () => {
  const { stdout } = await run(process.execPath, ['consumer.ts'], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({ phases: ['started', 'succeeded'], sent: 4, code: 'invalid_option' });
});

test('`./kafka` and `./alerts` run with the Kafka clients that are installed beside the package', async () => {
  mkdirSync(join(folder, 'node_modules/@kafkajs'), { recursive: true });
  for (const name of ['kafkajs', '@kafkajs/confluent-schema-registry'])
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'dir');
  const { stdout } = await run(process.execPath, ['kafka-consumer.ts'], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({ retriable: true, code: 'log_away', registry: 'away' });
});

test('nothing of Kafka is loaded by the core and the HTTP transport', () => {
  const loaded = new Set<string>();
  const visit = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const imports = readFileSync(path, 'utf8').matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";$/gm);
    for (const [, from = ''] of imports) visit(join(path, '..', from));
  };
  for (const entry of ['index.js', 'http/index.js', 'testing/index.js', 'internal.js']) visit(join(installed, 'dist', entry));
  const told = [...loaded].filter((path) => /kafka|avsc/i.test(readFileSync(path, 'utf8')));
  expect({ files: loaded.size > 4, told }).toEqual({ files: true, told: [] });
});
