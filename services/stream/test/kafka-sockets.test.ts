/** Nothing stays connected: kafkajs loses sockets where requests meet a connection that broke, and each would keep a process from ending. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { sharedKafka } from '@idemtrace/local-services/testing';
import { logLevel } from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { Connection } from '../src/kafka/connection.ts';
import { kafkaSettings } from '../src/kafka/settings.ts';
import { Client } from '../src/kafka/sockets.ts';
import { eventually, unique } from './kafka-log.ts';

/** Opens sockets as kafkajs asks for them, and keeps them all. */
function counted() {
  const sockets: Socket[] = [];
  return {
    sockets,
    socketFactory: ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
      const socket = connect({ host, port }, onConnect);
      sockets.push(socket);
      return socket;
    },
  };
}

const isOpen = (socket: Socket) => !socket.destroyed;

/** Takes connections, and never says a word. */
async function silentServer(): Promise<string> {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('requests that meet a broken connection at once leave none of their sockets behind when it is closed', async () => {
  const { brokers } = await sharedKafka();
  const { sockets, socketFactory } = counted();
  const connection = new Connection({ ...kafkaSettings({ brokers }), socketFactory });
  const member = { groupId: unique('group'), memberId: 'nobody', groupGenerationId: 1 };
  await connection.run('Heartbeats', async (cluster) => {
    const coordinator = await cluster.findGroupCoordinator(member);
    await coordinator.heartbeat(member).catch(() => undefined);
    const before = sockets.length;
    for (const socket of sockets) socket.destroy(new Error('the broker is gone'));
    await eventually(async () => {
      await Promise.allSettled(Array.from({ length: 3 }, () => coordinator.heartbeat(member)));
      // What this is about: kafkajs makes one for each that finds none.
      expect(sockets.length - before).toBeGreaterThan(1);
    });
  });
  await connection.close();
  await eventually(() => expect(sockets.filter(isOpen)).toHaveLength(0));
});

test('an end does not wait for an answer that does not come, and a socket that is opened after it is closed', async () => {
  const address = await silentServer();
  const { sockets, socketFactory } = counted();
  const client = new Client({
    brokers: [address],
    connectionTimeout: 600_000,
    requestTimeout: 600_000,
    socketFactory,
    logLevel: logLevel.NOTHING,
  });
  const admin = client.kafka.admin();
  const connecting = admin.connect().catch(() => 'refused');
  await eventually(() => expect(sockets.length).toBeGreaterThan(0));
  await client.end(() => admin.disconnect());
  // kafkajs tries once more: to no avail.
  expect(await connecting).toBe('refused');
  await eventually(() => expect(sockets.filter(isOpen)).toHaveLength(0));
});
