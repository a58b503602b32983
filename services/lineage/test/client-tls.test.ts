/** The engine speaks plain HTTP: a TLS server before it stands for a server's HTTPS port. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificates } from '../../../infra/local/src/certificates.ts';
import { checkLineage, connectLineage, type LineageTls } from '../src/index.ts';
import { startTestEngine, type TestEngine } from './support/engine.ts';

interface Proxy {
  readonly server: Server;
  readonly url: string;
  /** Of the latest request: its headers, and whom its certificate names. */
  seen: { readonly headers: IncomingHttpHeaders; readonly client: string | undefined } | undefined;
}

let engine: TestEngine;
let folder: string;
let tls: Required<LineageTls>;
let pem: { readonly cert: string; readonly key: string };
const proxies: Proxy[] = [];
beforeAll(async () => {
  engine = await startTestEngine();
  folder = await mkdtemp(join(tmpdir(), 'idemtrace-tls-'));
  const made = await certificates(folder);
  const read = (path: string) => readFile(path, 'utf8');
  tls = { ca: await read(made.ca), cert: await read(made.clientCertificate), key: await read(made.clientKey) };
  pem = { cert: await read(made.serverCertificate), key: await read(made.serverKey) };
});
afterAll(async () => {
  for (const { server } of proxies) {
    server.closeAllConnections();
    server.close();
  }
  await engine.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Hands everything on to the engine; with `mutual`, only from clients whose certificate the authority has signed. */
async function proxy(mutual: boolean): Promise<Proxy> {
  const server = createServer(
    { ...pem, ...(mutual && { ca: tls.ca, requestCert: true, rejectUnauthorized: true }) },
    (incoming, response) => {
      const subject = (incoming.socket as TLSSocket).getPeerCertificate().subject?.CN;
      made.seen = { headers: incoming.headers, client: typeof subject === 'string' ? subject : undefined };
      const outgoing = request(`${engine.engine.url}${incoming.url}`, { method: incoming.method, headers: incoming.headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
      incoming.pipe(outgoing);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const made: Proxy = { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen: undefined };
  proxies.push(made);
  return made;
}

async function versionVia(url: string, given: LineageTls | undefined, password = engine.engine.password): Promise<string | undefined> {
  const client = connectLineage({ url, username: engine.engine.username, password, ...(given !== undefined && { tls: given }) });
  try {
    const { version, findings } = await checkLineage(client);
    return version === undefined ? findings[0]?.actual : 'answered';
  } finally {
    await client.close();
  }
}

test('a server whose certificate a given authority signed is spoken to, and no other one', async () => {
  const { url } = await proxy(false);
  expect(await versionVia(url, { ca: tls.ca })).toBe('answered');
  expect(await versionVia(url, {})).toMatch(/SELF_SIGNED|UNABLE_TO/);
});

test('a server that wants a client certificate gets it, with user and password as ever', async () => {
  const server = await proxy(true);
  expect(await versionVia(server.url, tls)).toBe('answered');
  expect(server.seen?.client).toBe('idemtrace-client');
  expect(server.seen?.headers.authorization).toMatch(/^Basic /);
  expect(await versionVia(server.url, { ca: tls.ca })).not.toBe('answered');
});

test('without a password the certificate stands for it', async () => {
  const server = await proxy(true);
  // The engine knows no users by certificate: what counts is how it was asked.
  expect(await versionVia(server.url, tls, '')).toBe('AUTHENTICATION_FAILED');
  expect(server.seen?.headers).toMatchObject({ 'x-clickhouse-ssl-certificate-auth': 'on', 'x-clickhouse-user': engine.engine.username });
  expect(server.seen?.headers.authorization).toBeUndefined();
});

test('TLS of a plain address is left aside: the embedded engine has none', async () => {
  expect(await versionVia(engine.engine.url, tls)).toBe('answered');
});
