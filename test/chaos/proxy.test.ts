/** The proxy that the network's faults go through: what it does must be what a fault is named after. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { startProxy, type TcpProxy } from './stage/proxy.ts';

const open: { close(): unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

/** Answers everything in capitals, and counts what it was asked. */
async function shouter(): Promise<{ readonly port: number; readonly heard: string[] }> {
  const heard: string[] = [];
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      heard.push(data.toString());
      socket.write(data.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  return { port: (server.address() as { port: number }).port, heard };
}

interface Client {
  readonly socket: Socket;
  text: string;
  error: string | undefined;
}

async function clientOf(proxy: TcpProxy): Promise<Client> {
  const socket = connect(proxy.port, '127.0.0.1');
  const client: Client = { socket, text: '', error: undefined };
  socket.on('data', (data) => {
    client.text += data.toString();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    client.error = error.code;
  });
  await once(socket, 'connect');
  open.push({ close: () => socket.destroy() });
  return client;
}

async function scene() {
  const target = await shouter();
  const proxy = await startProxy(target);
  open.push(proxy);
  return { target, proxy, client: await clientOf(proxy) };
}

test('a half-open connection stays and carries nothing, and what was held arrives once it is open', async () => {
  const { target, proxy, client } = await scene();
  client.socket.write('a');
  await until(() => client.text === 'A' || undefined, 'the first answer');
  proxy.set({ kind: 'half_open' });
  client.socket.write('b');
  const second = await clientOf(proxy);
  second.socket.write('c');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([target.heard, client.text, client.socket.destroyed]).toEqual([['a'], 'A', false]);
  proxy.set({ kind: 'open' });
  await until(() => (client.text === 'AB' && second.text === 'C') || undefined, 'the answers that were held');
});

test('an answer that is reset has been carried out, and arrives in part', async () => {
  const { target, proxy, client } = await scene();
  proxy.set({ kind: 'resetting' });
  client.socket.write('abcdef');
  await until(() => client.error ?? (client.socket.destroyed || undefined), 'the connection to be reset');
  expect(target.heard).toEqual(['abcdef']);
  expect('ABC'.startsWith(client.text)).toBe(true);
});

test('slow data keeps its order', async () => {
  const { proxy, client } = await scene();
  proxy.set({ kind: 'slow', ms: 30 });
  for (const piece of ['a', 'b', 'c']) {
    client.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await until(() => client.text === 'ABC' || undefined, 'the answers');
});

test('an interception is over before the piece goes on that it was asked about', async () => {
  const { target, proxy, client } = await scene();
  let heardAtAnswer: readonly string[] = [];
  const intercepted = proxy.intercept(async (direction) => {
    if (direction === 'request') return false;
    heardAtAnswer = [...target.heard];
    expect(client.text).toBe('');
    return true;
  });
  client.socket.write('a');
  await intercepted;
  expect(heardAtAnswer).toEqual(['a']);
  await until(() => client.text === 'A' || undefined, 'the answer');
});
