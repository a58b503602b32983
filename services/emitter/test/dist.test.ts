import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

beforeAll(async () => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  await run(process.execPath, ['scripts/build.ts', '--out', join(installed, 'dist')], { cwd: root });
  writeFileSync(join(installed, 'package.json'), JSON.stringify({ ...manifest, ...manifest.publishConfig }));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  cpSync(join(workspace, 'tsconfig.base.json'), join(folder, 'base.json'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every published entry has its code and its types', () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest['publishConfig'];
  expect(Object.keys(exports)).toEqual(['.', './http', './testing', './internal']);
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
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: './base.json', compilerOptions, files: ['consumer.ts'] }));
  const compiler = join(workspace, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch((error: { stdout: string }) => error);
  expect(stdout).toBe('');
});

test('the published package runs, with nothing else installed', async () => {
  const { stdout } = await run(process.execPath, ['consumer.ts'], { cwd: folder });
  expect(JSON.parse(stdout)).toEqual({ phases: ['started', 'succeeded'], sent: 4, code: 'invalid_option' });
});
