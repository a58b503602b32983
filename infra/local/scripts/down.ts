/** `pnpm services:down`: ends the services in order; data and ports are kept for the next start. */
import { type DownEvent, down } from '../src/stack/index.ts';
import { scriptOptions } from './options.ts';

const { stateFolder, names } = scriptOptions('services:down');

const SAID: { readonly [K in DownEvent['kind']]: string } = {
  stopping: 'stopping',
  stopped: 'stopped',
  killed: 'did not stop within 30 s, and was killed',
};
await down(stateFolder, names, ({ kind, name }) => console.log(`${name}: ${SAID[kind]}`));
