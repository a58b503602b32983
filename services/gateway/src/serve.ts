import { serve } from '@hono/node-server';
import type { Hono } from 'hono';

export interface Served {
  readonly url: string;
  /** Takes no new connections, and resolves when the requests under way are answered. */
  close(): Promise<void>;
}

/** Listens; resolves once it does. Rejects with the system's error, e.g. `EADDRINUSE`. */
export function serveGateway(app: Hono, { host, port }: { readonly host: string; readonly port: number }): Promise<Served> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (address) => {
      server.off('error', reject);
      const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
      resolve({
        url: `http://${shown}:${address.port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ('closeIdleConnections' in server) server.closeIdleConnections();
          }),
      });
    });
    server.once('error', reject);
  });
}
