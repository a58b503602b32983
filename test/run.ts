/**
 * The one test command: generated files, types, style, the SDK's size, then every test. The last line counts them: `N passed, N failed`.
 * A skipped test counts as failed: what is not run is not known to hold.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly success: boolean;
}

const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);

const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['generated files are up to date', process.execPath, 'schemas/scripts/generate.ts', '--check'],
  ['types', bin('tsc'), '-p', 'tsconfig.json'],
  ['style', bin('biome'), 'check', '--error-on-warnings', '.'],
  ['size of the SDK', process.execPath, 'services/emitter/scripts/size.ts'],
];

let passed = 0;
let failed = 0;
for (const [name, command, ...args] of checks) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}`);
  if (status === 0) passed += 1;
  else failed += 1;
}

const folder = mkdtempSync(join(tmpdir(), 'idemtrace-test-'));
const report = join(folder, 'report.json');
const filters = process.argv.slice(2).filter((argument) => argument !== '--');
const { status } = spawnSync(bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters], {
  cwd: root,
  stdio: 'inherit',
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
