/** How the adapter reaches a registry that asks who it is, or speaks TLS. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { confluentRegistry } from '../src/confluent/index.ts';
import { SCHEMAS } from '../src/generated/schemas.ts';
import { listen } from './registry-proxy.ts';

const PASSWORD = 'CANARY-s3cret/:@';
const answer = JSON.stringify({ schema: SCHEMAS.RunEvent });

test('P1: user and password, in the options or the URL, and a token go to the registry and into no message', async () => {
  const given: (string | undefined)[] = [];
  const server = await listen((request, response) => {
    given.push(request.headers.authorization);
    const { authorization } = request.headers;
    if (authorization === undefined) response.writeHead(401).end('{"error_code":401,"message":"Who are you?"}');
    else response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
  const basic = `Basic ${Buffer.from(`ann:${PASSWORD}`).toString('base64')}`;
  const inUrl = server.url.replace('://', `://ann:${encodeURIComponent(PASSWORD)}@`);
  const options = [
    { url: server.url, auth: { username: 'ann', password: PASSWORD } },
    { url: inUrl },
    { url: server.url, auth: { token: PASSWORD } },
    { url: inUrl, auth: { token: PASSWORD } },
  ];
  for (const option of options) expect(await confluentRegistry(option).schemaById(1)).toBe(SCHEMAS.RunEvent);
  expect(given).toEqual([basic, basic, `Bearer ${PASSWORD}`, `Bearer ${PASSWORD}`]);

  const error = await confluentRegistry({ url: server.url })
    .schemaById(1)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'not_allowed', message: expect.stringContaining('Who are you?') });
  server.close();
  for (const option of options) {
    const away = await confluentRegistry(option)
      .schemaById(1)
      .catch((thrown: Error) => thrown);
    expect(away).toMatchObject({ code: 'away' });
    const told = `${String(away)} ${(away as Error).stack} ${JSON.stringify((away as Error).cause)} ${String((away as Error).cause)}`;
    expect(told).not.toContain('CANARY');
  }
});

test('a URL that is none is refused at once, and not told', () => {
  for (const url of ['', 'localhost:8081', 'ftp://CANARY:secret@registry'])
    expect(() => confluentRegistry({ url })).toThrow(
      expect.objectContaining({ code: 'no_registry', message: expect.not.stringContaining('CANARY') }),
    );
});

test('a registry behind TLS is reached with its authority, and away without', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'idemtrace-registry-tls-'));
  const path = (name: string) => join(folder, name);
  const subject = ['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, '-keyout', path('key.pem'), '-out', path('cert.pem')],
    { stdio: 'ignore' },
  );
  const [key, cert] = [readFileSync(path('key.pem'), 'utf8'), readFileSync(path('cert.pem'), 'utf8')];
  rmSync(folder, { recursive: true });
  const server = createServer({ key, cert }, (_, response) => void response.end(answer));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await confluentRegistry({ url, tls: { ca: cert } }).schemaById(1)).toBe(SCHEMAS.RunEvent);
  expect(await confluentRegistry({ url, tls: { ca: [cert] } }).schemaById(1)).toBe(SCHEMAS.RunEvent);
  await expect(confluentRegistry({ url }).schemaById(1)).rejects.toMatchObject({ code: 'away' });
  server.closeAllConnections();
  server.close();
});
