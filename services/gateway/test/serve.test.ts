/** On real sockets: what only a connection can show. */
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { createProbes, type Served, type ServeOptions, serveGateway } from '../src/index.ts';
import { event, json, world } from './world.ts';

const serving: Served[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(serving.splice(0).map((served) => served.close()));
});

async function listen(...[app, options = {}]: [Parameters<typeof serveGateway>[0], Partial<ServeOptions>?]) {
  const served = await serveGateway(app, { host: '127.0.0.1', port: 0, ...options });
  serving.push(served);
  return served;
}

const send = (url: string, body = json(event())) =>
  fetch(`${url}/v1/events`, { method: 'POST', headers: { authorization: 'Bearer key-of-acme', 'content-type': 'application/json' }, body });

/** A connection, and what has come over it so far. */
async function dial(url: string): Promise<{ readonly socket: Socket; readonly ended: Promise<string>; readonly text: () => string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<string>((resolve) => socket.on('error', () => {}).on('close', () => resolve(text)));
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, ended, text: () => text };
}

const head = (length: number | undefined, extra = '') =>
  `POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key-of-acme\r\ncontent-type: application/json\r\n${
    length === undefined ? 'transfer-encoding: chunked' : `content-length: ${length}`
  }\r\n${extra}\r\n`;

test('a batch under way is answered, though the gateway ends meanwhile; new connections are refused', async () => {
  const log = Promise.withResolvers<void>();
  const it = world({ append: () => log.promise });
  const served = await listen(it.gateway);
  const { url } = served;
  const sending = send(url);
  await expect.poll(() => it.gateway.status().underWay).toBe(1);
  let closed = false;
  const closing = served.close().then(() => {
    closed = true;
  });
  await expect
    .poll(() =>
      send(url).then(
        () => 'taken',
        () => 'refused',
      ),
    )
    .toBe('refused');
  expect(closed).toBe(false);
  log.resolve();
  const answer = await sending;
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  await closing;
  expect(it.appended).toHaveLength(1);
});

test('before it refuses connections it says that it is not ready, and takes what still comes', async () => {
  const it = world();
  const noticed = Promise.withResolvers<void>();
  const { url, close } = await listen(it.gateway, { noticeMs: 5_000, sleep: () => noticed.promise });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const closing = close();
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  const answer = await send(url);
  expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close']);
  noticed.resolve();
  await closing;
  await expect(fetch(`${url}/readyz`)).rejects.toThrow();
});

test('connections that nothing happens on do not hold up the end', async () => {
  const it = world();
  const served = await listen(it.gateway, { drainMs: 60_000 });
  const idle = await dial(served.url);
  const kept = await dial(served.url);
  kept.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
  await expect.poll(kept.text).toContain('200 OK');
  await served.close();
  await Promise.all([idle.ended, kept.ended]);
});

test('the end is bounded in time, whatever the log does', async () => {
  const log = Promise.withResolvers<void>();
  const it = world({ append: () => log.promise });
  const served = await listen(it.gateway, { drainMs: 50 });
  const sending = send(served.url).then(
    () => 'answered',
    () => 'cut',
  );
  await expect.poll(() => it.gateway.status().underWay).toBe(1);
  await served.close();
  expect(await sending).toBe('cut');
  log.resolve();
});

test('a client that hangs up in mid-body leaves nothing behind', async () => {
  const it = world();
  const { url } = await listen(it.gateway);
  const client = await dial(url);
  client.socket.write(`${head(1000)}{"events"`);
  await expect.poll(() => it.gateway.status().underWay).toBe(1);
  client.socket.destroy();
  await expect.poll(() => it.gateway.status().underWay).toBe(0);
  expect(it.faults).toEqual([]);
  expect((await send(url)).status).toBe(200);
});

test('a client that hangs up while the log takes its batch changes nothing for the log', async () => {
  const log = Promise.withResolvers<void>();
  const it = world({ append: () => log.promise });
  const { url } = await listen(it.gateway);
  const client = await dial(url);
  const body = json(event());
  client.socket.write(head(body.length) + body);
  await expect.poll(() => it.gateway.status().underWay).toBe(1);
  client.socket.destroy();
  log.resolve();
  await expect.poll(() => it.gateway.status().underWay).toBe(0);
  expect(it.appended).toHaveLength(1);
});

test.each([
  ['with a length', 1000],
  ['in chunks', undefined],
])('a body that comes too slowly, %s, is answered and its connection closed', async (_, length) => {
  const it = world({ bodyTimeoutMs: 50 });
  const { url } = await listen(it.gateway);
  const client = await dial(url);
  client.socket.write(length === undefined ? `${head(length)}5\r\n{"eve\r\n` : `${head(length)}{"eve`);
  expect(await client.ended).toMatch(/^HTTP\/1\.1 408 [\s\S]*slow_body/);
  expect(it.gateway.status().underWay).toBe(0);
});

test('a body without end is cut at the bound, and the sender told', async () => {
  const it = world();
  const { url } = await listen(it.gateway);
  const client = await dial(url);
  client.socket.write(head(undefined));
  const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
  for (let sent = 0; sent < 200 && !client.text().includes('413'); sent++) {
    client.socket.write(chunk);
    await delay(1);
  }
  await expect.poll(client.text).toMatch(/^HTTP\/1\.1 413 [\s\S]*too_large/);
  expect(it.gateway.status().underWay).toBe(0);
});

test('what is refused unread leaves its connection usable', async () => {
  const it = world();
  const { url } = await listen(it.gateway);
  const client = await dial(url);
  const body = json(event());
  client.socket.write(head(body.length).replace('key-of-acme', 'nobody') + body + head(body.length) + body);
  await expect.poll(client.text).toMatch(/401 Unauthorized[\s\S]*200 OK/);
});

test('probes are served like a gateway, without one', async () => {
  const { url } = await listen(createProbes(async () => ({ ready: false, waitingFor: 'Redis' })));
  expect([(await fetch(`${url}/healthz`)).status, (await fetch(`${url}/readyz`)).status]).toEqual([200, 503]);
});

test('a port in use is told with the system’s word', async () => {
  const it = world();
  const { url } = await listen(it.gateway);
  await expect(serveGateway(it.gateway, { host: '127.0.0.1', port: Number(new URL(url).port) })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
