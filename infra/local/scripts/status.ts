/** `pnpm services:status`: what runs, where, in how much memory. Exit code 1 where something does not run. */
import { stateOf, stateTable } from '../src/stack/index.ts';
import { scriptOptions } from './options.ts';

const { stateFolder, names } = scriptOptions('services:status');
const states = await Promise.all(names.map((name) => stateOf(stateFolder, name)));
console.log(stateTable(states));
process.exitCode = states.every(({ condition }) => condition === 'running') ? 0 : 1;
