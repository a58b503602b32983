/**
 * Puts each defect into a copy of the code and lets the simulation look for it. A defect that no seed shows is one that the simulation is
 * blind to.
 *
 * usage: run.ts [--seeds N] [NAME…]     NAME: part of a defect's name
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutants.ts';

const root = join(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({ allowPositionals: true, options: { seeds: { type: 'string', default: '3000' } } });
const chosen = MUTANTS.filter(({ name }) => positionals.length === 0 || positionals.some((part) => name.includes(part)));

const copy = mkdtempSync(join(tmpdir(), 'idemtrace-mutants-'));
for (const folder of ['schemas', 'services/identity', 'services/stream', 'services/detector', 'services/lineage', 'test/simulation']) {
  cpSync(join(root, folder), join(copy, folder), { recursive: true, verbatimSymlinks: true, filter: (path) => !path.includes('/dist/') });
}
cpSync(join(root, 'test/node_modules'), join(copy, 'test/node_modules'), { recursive: true, verbatimSymlinks: true });
for (const file of ['package.json', 'test/package.json']) cpSync(join(root, file), join(copy, file));
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

interface Verdict {
  readonly caught: boolean;
  /** Seeds run until the first that failed. */
  readonly seeds: number;
}

function hunt({ file, from, to }: Mutant): Verdict {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold exactly once:\n${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    const only = file.startsWith('services/lineage/') ? 'sink' : 'detector';
    const args = [join(copy, 'test/simulation/main.ts'), '--seeds', values.seeds, '--only', only, '--until-first', '--json'];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const line = stdout.trim().split('\n').at(-1) ?? '';
    if (!line.startsWith('{')) throw new Error(`the simulation did not run: ${stderr.slice(-2000)}`);
    const { failed, ran } = JSON.parse(line) as { readonly failed: number; readonly ran: number };
    return { caught: failed > 0, seeds: ran };
  } finally {
    writeFileSync(path, text);
  }
}

let caught = 0;
try {
  for (const mutant of chosen) {
    const verdict = hunt(mutant);
    if (verdict.caught) caught += 1;
    const told = verdict.caught ? `caught at seed ${verdict.seeds}` : `NOT caught in ${verdict.seeds} seeds`;
    console.log(`${told.padEnd(26)}  ${mutant.breaks.padEnd(22)}  ${mutant.name}`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`${caught} of ${chosen.length} mutants caught`);
process.exitCode = caught === chosen.length ? 0 : 1;
