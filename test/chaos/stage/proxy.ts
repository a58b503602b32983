/** A TCP proxy that does to connections what networks do: hold them half open, delay them, reset them in the middle of an answer. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * - `open`: passes everything on
 * - `half_open`: connections stay, new ones are taken, and nothing goes through; what was held goes on later, as after a lost route
 * - `slow`: each piece of data comes so many ms later, in order
 * - `resetting`: of each answer only a part arrives, then the connection is reset
 */
export type Weather =
  | { readonly kind: 'open' }
  | { readonly kind: 'half_open' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'resetting' };

export type Direction = 'request' | 'answer';

/** Asked once for each piece of data until it says true; what it does is done before the piece is passed on. */
export type Interception = (direction: Direction, data: Buffer) => Promise<boolean>;

export interface TcpProxy {
  readonly port: number;
  set(weather: Weather): void;
  /** Resolves when the interception has said true. */
  intercept(interception: Interception): Promise<void>;
  close(): Promise<void>;
}

/** Longest that a connection may lie around after its other side is gone, ms. */
const LINGER_MS = 1_000;

export async function startProxy(target: { readonly port: number }, port = 0): Promise<TcpProxy> {
  let weather: Weather = { kind: 'open' };
  let opened = Promise.withResolvers<void>();
  opened.resolve();
  let interception: { readonly ask: Interception; readonly done: () => void } | undefined;
  const sockets = new Set<Socket>();

  async function passOn(direction: Direction, data: Buffer, from: Socket, to: Socket): Promise<void> {
    await opened.promise;
    if (weather.kind === 'slow') await delay(weather.ms);
    if (interception !== undefined) {
      const { ask, done } = interception;
      if (await ask(direction, data)) {
        interception = undefined;
        done();
      }
    }
    if (weather.kind === 'resetting' && direction === 'answer') {
      to.write(data.subarray(0, data.length >> 1), () => to.resetAndDestroy());
      from.destroy();
      return;
    }
    if (to.destroyed) return;
    if (!to.write(data)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => undefined);
  }

  function pipe(direction: Direction, from: Socket, to: Socket): void {
    let queue = Promise.resolve();
    from.on('data', (data: Buffer) => {
      from.pause();
      queue = queue.then(() => passOn(direction, data, from, to)).then(() => void from.resume());
    });
    from.on('error', () => undefined);
    from.once('close', () => {
      sockets.delete(from);
      void queue.then(() => {
        to.end();
        setTimeout(() => to.destroy(), LINGER_MS).unref();
      });
    });
  }

  const server: Server = createServer((client) => {
    const upstream = connect({ host: '127.0.0.1', port: target.port });
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    for (const socket of [client, upstream]) sockets.add(socket);
    pipe('request', client, upstream);
    pipe('answer', upstream, client);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    set(next) {
      if (next.kind === 'half_open') {
        if (weather.kind !== 'half_open') opened = Promise.withResolvers();
      } else opened.resolve();
      weather = next;
    },
    intercept: (ask) =>
      new Promise((resolve) => {
        interception = { ask, done: resolve };
      }),
    async close() {
      opened.resolve();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
