/** A server before a registry: counts what goes through it, or answers by itself. */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Proxy {
  readonly url: string;
  /** Method and path of every request, in order. */
  readonly seen: string[];
  close(): void;
}

/** Passes everything on to `target`, a base URL; the paths seen are those below it. */
export function proxyTo(target: string): Promise<Proxy> {
  const base = new URL(target);
  return listen((incoming, response) => {
    const { method, url: path, headers } = incoming;
    const onward = request(
      { host: base.hostname, port: base.port, method, path: `${base.pathname}${path}`, headers: { ...headers, host: base.host } },
      (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    incoming.pipe(onward);
  });
}

export async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<Proxy> {
  const seen: string[] = [];
  const server = createServer((incoming, response) => {
    seen.push(`${incoming.method} ${incoming.url}`);
    answer(incoming, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
