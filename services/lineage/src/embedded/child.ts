/** The child process of the embedded engine: holds the data folder, answers HTTP on the loopback, and ends with its parent. */
import type { AddressInfo } from 'node:net';
import { type EngineModule, openEngine } from './engine-session.ts';
import { lockFolder } from './folder-lock.ts';
import { createEngineServer } from './http-server.ts';
import type { ChildMessage, EngineErrorCode, ParentMessage, StartMessage } from './protocol.ts';

/** How long a stop waits for requests under way, in milliseconds. */
const STOP_GRACE_MS = 3_000;

function tell(message: ChildMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, undefined, undefined, () => resolve());
  });
}

async function fail(code: EngineErrorCode, detail: string): Promise<never> {
  await tell({ type: 'failed', code, detail });
  process.exit(1);
}

async function loadEngine(name: string): Promise<EngineModule> {
  try {
    return (await import(name)) as EngineModule;
  } catch (error) {
    return fail('engine_unavailable', error instanceof Error && 'code' in error ? String(error.code) : 'not loadable');
  }
}

async function start(message: StartMessage): Promise<() => Promise<void>> {
  const engineModule = await loadEngine(message.engine);
  const lock = lockFolder(message.path);
  if (lock === undefined) return fail('engine_in_use', 'another process holds the data folder');
  const engine = openEngine(engineModule, message.path);
  const server = createEngineServer(engine, message);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(message.port, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await tell({ type: 'ready', port, version: process.version });
  return async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const timer = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
    await closed;
    clearTimeout(timer);
    await engine.close();
    lock.release();
  };
}

// A terminal's Ctrl-C reaches the whole group: the parent still has rows to write, and stops this process when it is done.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
// Also where the parent was killed: no acknowledged row is lost by a kill, and nothing could wait for a proper end.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

let started: Promise<() => Promise<void>> | undefined;
process.on('message', (message: ParentMessage) => {
  if (message.type === 'start') {
    started = start(message);
    started.catch((error: unknown) => fail('engine_failed', error instanceof Error ? error.message : String(error)));
  } else {
    void started?.then((stop) => stop()).finally(() => process.exit(0));
  }
});
