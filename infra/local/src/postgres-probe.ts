/** Whether a PostgreSQL takes queries, without a driver. */
import { connect } from 'node:net';

const TIMEOUT_MS = 2_000;
const PROTOCOL_3 = 196_608;
const READY_FOR_QUERY = 0x5a;

/** Opens a session (on a server that asks for no password) and waits until it is ready for a query. */
export function isPostgresReady(port: number, username: string, database: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: TIMEOUT_MS });
    let received = Buffer.alloc(0);
    const answer = (isReady: boolean) => {
      socket.destroy();
      resolve(isReady);
    };
    socket.once('error', () => answer(false));
    socket.once('timeout', () => answer(false));
    socket.once('end', () => answer(false));
    socket.once('connect', () => socket.write(startup(username, database)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (hasMessage(received, READY_FOR_QUERY)) answer(true);
    });
  });
}

function startup(username: string, database: string): Buffer {
  const text = Buffer.from(`user\0${username}\0database\0${database}\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + text.length, 0);
  head.writeInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, text]);
}

/** Messages are a type, a length that counts itself, and a body: https://www.postgresql.org/docs/current/protocol-message-formats.html */
function hasMessage(bytes: Buffer, type: number): boolean {
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) if (bytes[at] === type) return true;
  return false;
}
