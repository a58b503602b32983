/** Starts an engine on the folder named in the environment, prints its child's process id, and waits to be killed. */
import { startEmbeddedEngine } from '../../src/embedded/index.ts';

const engine = await startEmbeddedEngine({ path: process.env.ENGINE_PATH ?? '' });
console.log(engine.pid);
setInterval(() => undefined, 1_000);
