/** `pnpm services:up`: starts what does not run, and says how to point idemtrace at it. Exit code 1 where something did not start. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { environmentSnippet, STACK, stateOf, stateTable, type UpEvent, up } from '../src/stack/index.ts';
import { scriptOptions } from './options.ts';

const { stateFolder, names } = scriptOptions('services:up');

function said(event: UpEvent): string {
  switch (event.kind) {
    case 'running':
      return 'runs already';
    case 'starting':
      return 'starting';
    case 'ready':
      return `ready after ${(event.ms / 1000).toFixed(1)} s`;
    case 'failed':
      return `failed. ${event.error instanceof Error ? event.error.message : String(event.error)}`;
  }
}

console.log('At the very first time the programs are fetched, which takes a minute or two.');
const allRun = await up(stateFolder, names, (event) => console.log(`${event.name}: ${said(event)}`));
const states = await Promise.all(STACK.map((name) => stateOf(stateFolder, name)));
const snippet = environmentSnippet(states);
const file = join(stateFolder, 'environment.sh');
writeFileSync(file, snippet, { mode: 0o600 });
console.log(
  `\n${stateTable(states)}\n\nTo point idemtrace at them:\n  source ${relative(process.cwd(), file) || file}\nwhich is\n\n${snippet}`,
);
process.exitCode = allRun ? 0 : 1;
