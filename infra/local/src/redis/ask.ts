/** One question to a Redis, without a driver. */
import { connect } from 'node:net';

const TIMEOUT_MS = 2_000;

/** The first answer to an inline command, as it came over the wire. Rejects where it cannot be had, and on an error reply. */
export function askRedis(port: number, command: string, password?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: TIMEOUT_MS });
    const wanted = password === undefined ? 1 : 2;
    let received = '';
    const fail = (why: string) => {
      socket.destroy();
      reject(new Error(`Redis on port ${port} did not answer ${command.split(' ')[0]}: ${why}`));
    };
    socket.once('error', (error) => fail(error.message));
    socket.once('timeout', () => fail('time is over'));
    socket.once('end', () => fail('it closed the connection'));
    socket.once('connect', () => socket.write(`${password === undefined ? '' : `AUTH ${password}\r\n`}${command}\r\n`));
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
      const replies = completeReplies(received);
      if (replies.length < wanted) return;
      const reply = replies[wanted - 1] ?? '';
      if (reply.startsWith('-')) return fail(reply.trim());
      socket.destroy();
      resolve(reply);
    });
  });
}

/** Whole replies: a status or error line, or a bulk string. */
function completeReplies(text: string): string[] {
  const replies: string[] = [];
  let rest = text;
  for (;;) {
    const bulk = /^\$(\d+)\r\n/.exec(rest);
    const end = bulk === null ? rest.indexOf('\r\n') + 2 : bulk[0].length + Number(bulk[1]) + 2;
    if (end < 2 || rest.length < end) return replies;
    replies.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
}
