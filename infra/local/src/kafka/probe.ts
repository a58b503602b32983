/** Whether a broker serves: it answers, and counts itself among the brokers that take work. */
import { connect } from 'node:net';

const TIMEOUT_MS = 2_000;
const METADATA = 3;
const VERSION = 4;
const CORRELATION_ID = 1;

/** Asks the plain listener on 127.0.0.1 for the cluster's brokers; true where there is one. A broker that is fenced is not among them. */
export function isBrokerReady(port: number): Promise<boolean> {
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
    socket.once('connect', () => socket.write(metadataRequest()));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      // Length, correlation id, throttle time, then the number of brokers.
      if (received.length >= 16) answer(received.readInt32BE(12) > 0);
    });
  });
}

function metadataRequest(): Buffer {
  // Header (no client id), no topics, no creation of topics: https://kafka.apache.org/protocol#The_Messages_Metadata
  const body = Buffer.alloc(4 + 10 + 5);
  body.writeInt32BE(body.length - 4, 0);
  body.writeInt16BE(METADATA, 4);
  body.writeInt16BE(VERSION, 6);
  body.writeInt32BE(CORRELATION_ID, 8);
  body.writeInt16BE(-1, 12);
  body.writeInt32BE(0, 14);
  body.writeInt8(0, 18);
  return body;
}
