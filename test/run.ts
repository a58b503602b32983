/**
 * The one test command: generated files, types, style, the SDK's size, then every test. The last line counts them: `N passed, N failed`.
 * A skipped test counts as failed: what is not run is not known to hold.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
}

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

interface Check {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
}

const SDK = join(root, 'services/emitter');
const checks: readonly Check[] = [
  { name: 'generated files are up to date', command: process.execPath, args: ['schemas/scripts/generate.ts', '--check'] },
  { name: 'types', command: bin('tsc'), args: ['-p', 'tsconfig.json'] },
  { name: 'style', command: bin('biome'), args: ['check', '--error-on-warnings', '.'] },
  { name: 'the SDK bundles without a dependency', command: process.execPath, args: ['scripts/build.ts', '--size'], cwd: SDK },
  { name: 'the services’ programs are installed', command: process.execPath, args: ['infra/local/scripts/install.ts'] },
  { name: 'size of the SDK', command: join(SDK, 'node_modules/.bin/size-limit'), args: [], cwd: SDK },
];

const FRAMEWORKS = join(root, 'test/frameworks');
/** They weigh 240 MB: where a machine is there for the tests alone, or the call says --frameworks. */
const frameworkChecks: readonly Check[] = [
  {
    name: 'the agents’ frameworks are installed',
    command: 'npx',
    args: ['-y', 'pnpm@12', 'install', '--ignore-workspace', '--frozen-lockfile'],
    cwd: FRAMEWORKS,
  },
  { name: 'wrapped tools compile inline in the frameworks', command: bin('tsc'), args: ['-p', 'test/frameworks/tsconfig.json'] },
  { name: 'wrapped tools run in the frameworks', command: process.execPath, args: ['test/frameworks/wrapped.ts'] },
];

const { positionals: filters, values } = parseArgs({
  allowPositionals: true,
  options: { frameworks: { type: 'boolean' }, full: { type: 'boolean' } },
});
const isWanted = values.frameworks ?? (process.env.CI ?? '') !== '';

let passed = 0;
let failed = 0;
for (const { name, command, args, cwd = root } of isWanted ? [...checks, ...frameworkChecks] : checks) {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}`);
  if (status === 0) passed += 1;
  else failed += 1;
}

const folder = mkdtempSync(join(tmpdir(), 'idemtrace-test-'));
const report = join(folder, 'report.json');
const { status } = spawnSync(bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters], {
  cwd: root,
  stdio: 'inherit',
  // Ten times as many damaged inputs: schemas/test/mutations.ts.
  env: { ...process.env, ...(values.full === true && { IDEMTRACE_FULL: '1' }) },
});
try {
  const counts = JSON.parse(readFileSync(report, 'utf8')) as VitestReport;
  const skipped = counts.numPendingTests + counts.numTodoTests;
  if (skipped > 0) console.log(`FAILED: ${skipped} tests were skipped`);
  passed += counts.numPassedTests;
  failed += counts.numFailedTests + skipped;
  // A file that does not load fails the run without failing a test.
  if ((status !== 0 || !counts.success) && counts.numFailedTests === 0) failed += 1;
} catch {
  console.log('FAILED: the test runner left no report');
  failed += 1;
}
rmSync(folder, { recursive: true, force: true });

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
