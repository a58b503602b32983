/**
 * Vitest's global setup: the run's own process starts a service when a test file first asks for it over a socket, and stops what it started at
 * the end. So files that run at once share one, and it ends with the run, whatever ends the run. A run that asks for none starts none.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';
import type { Service } from '../service.ts';
import { type Answer, type SharedName, START } from './shared.ts';

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'idemtrace-run-'));
  const socketPath = join(folder, 'socket');
  const started = new Map<SharedName, Promise<Service>>();
  const server = serve((name) => {
    const known = started.get(name) ?? START[name]();
    started.set(name, known);
    return known;
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  project.provide('sharedServices', socketPath);
  return async () => {
    server.close();
    await Promise.allSettled([...started.values()].map(async (service) => (await service).stop()));
    rmSync(folder, { recursive: true, force: true });
  };
}

/** A line with a service's name is answered by a line of JSON. */
function serve(start: (name: SharedName) => Promise<Service>): Server {
  return createServer((socket) => {
    socket.on('error', () => undefined);
    createInterface(socket).once('line', (name) => {
      const answer: Promise<Answer> = start(name as SharedName).then(
        (service) => ({ addresses: JSON.parse(JSON.stringify(service)) }),
        (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
      );
      void answer.then((value) => socket.end(`${JSON.stringify(value)}\n`));
    });
  });
}
