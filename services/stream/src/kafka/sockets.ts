import { connect, isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { type ISocketFactory, Kafka, type KafkaConfig } from 'kafkajs';

const keepAliveMs = 60_000;
/** How long requests under way are waited for at the end, ms: one that a broker holds back longer is of no use any more. */
const patienceMs = 2000;

/**
 * A client of kafkajs whose sockets end with it. kafkajs (2.2.4) loses some: two requests that find a connection broken both make another, and only
 * the later one is ever closed; one that is still being made when its client disconnects stays; and a disconnect waits without end for
 * an answer that does not come. Each would keep the process that uses it from ending.
 */
export class Client {
  readonly kafka: Kafka;
  readonly #sockets = new Set<Socket>();
  readonly #make: ISocketFactory;
  #ended = false;

  constructor(settings: KafkaConfig) {
    this.#make = settings.socketFactory ?? makeSocket;
    this.kafka = new Kafka({ ...settings, socketFactory: (options) => this.#open(options) });
  }

  /** Disconnects in order where that goes quickly, then closes what is still open. */
  async end(disconnect: () => Promise<void>): Promise<void> {
    const late = new AbortController();
    await Promise.race([disconnect().catch(() => undefined), sleep(patienceMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    this.#ended = true;
    for (const socket of this.#sockets) close(socket);
  }

  #open(options: Parameters<ISocketFactory>[0]): Socket {
    const socket = this.#make(options);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // kafkajs listens for the error by the next turn.
    if (this.#ended) setImmediate(() => close(socket));
    return socket;
  }
}

/** With an error, which kafkajs hears; of a mere close it does not. */
function close(socket: Socket): void {
  if (!socket.destroyed) socket.destroy(new Error('the client has ended'));
}

/** As kafkajs makes them where it is told nothing else. */
const makeSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const socket = ssl
    ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);
  socket.setKeepAlive(true, keepAliveMs);
  return socket;
};
