import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '@hono/node-server';

/** What can be served: a gateway, or probes. */
export interface Servable {
  fetch(request: Request): Response | Promise<Response>;
  /** Says that it is about to end, before it does. */
  drain?(): void;
}

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  /** How long `close` still takes connections while `/readyz` says no, so that a load balancer can notice; default 0. */
  readonly noticeMs?: number;
  /** How long `close` waits for the requests under way before it cuts them; default 10,000. */
  readonly drainMs?: number;
  /** Waits that long: for tests. */
  readonly sleep?: (ms: number) => Promise<unknown>;
}

export interface Served {
  readonly url: string;
  /** Says that it is not ready, takes no new connections, and resolves when the requests under way are answered or their time is up. Idempotent. */
  close(): Promise<void>;
}

/** How long a client may take for its headers, and for a whole request: slow ones must not gather. */
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;

/** Listens; resolves once it does. Rejects with the system's error, e.g. `EADDRINUSE`. */
export function serveGateway(app: Servable, options: ServeOptions): Promise<Served> {
  const { host, port, noticeMs = 0, drainMs = 10_000, sleep = delay } = options;
  return new Promise((resolve, reject) => {
    const serverOptions = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 };
    let closing: Promise<void> | undefined;
    const server = serve({ fetch: (request) => app.fetch(request), hostname: host, port, serverOptions }, (address) => {
      server.off('error', reject);
      const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve({
        url: `http://${shown}:${address.port}`,
        close() {
          closing ??= close();
          return closing;
        },
      });
    });
    server.once('error', reject);
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });

    async function close(): Promise<void> {
      app.drain?.();
      if (noticeMs > 0) await sleep(noticeMs);
      const closed = new Promise<void>((done) => server.close(() => done()));
      if (!('closeIdleConnections' in server)) return closed;
      server.closeIdleConnections();
      // One that was opened ahead of need has had no request, and does not count as idle.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      const cut = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearTimeout(cut);
    }
  });
}
