/** ClickHouse's HTTP interface on the loopback, as far as @clickhouse/client speaks it, in front of the in-process engine. */
import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { constants, createBrotliDecompress, createGunzip, createGzip, createZstdDecompress, type Gzip } from 'node:zlib';
import type { Engine } from './engine-session.ts';
import { RefusedRequest, type Statement, statementOf } from './statement.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A server that listens nowhere yet. */
export function createEngineServer(engine: Engine, credentials: Credentials): Server {
  const running = new Set<string>();
  const server = createServer((request, response) => {
    void handle(engine, credentials, running, request, response).catch((error: unknown) => answerError(response, error));
  });
  // A pooled connection must outlive the client's idle time, or an insert fails for no reason of its own.
  server.keepAliveTimeout = 60_000;
  return server;
}

async function handle(engine: Engine, credentials: Credentials, running: Set<string>, request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (url.pathname === '/ping') {
    response.end('Ok.\n');
    return;
  }
  authenticate(credentials, request, url);
  const { parameters, body } = await readRequest(request, url);
  const queryId = parameters.get('query_id') || randomUUID();
  response.setHeader('X-ClickHouse-Query-Id', queryId);
  response.setHeader('X-ClickHouse-Timezone', 'UTC');
  const statement = statementOf(queryId, parameters, body);
  if (running.has(queryId)) {
    throw new RefusedRequest(216, 'QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING', `Query with id = ${queryId} is already running.`);
  }
  running.add(queryId);
  const stopWhenGone = () => {
    if (!response.writableFinished && statement.kind === 'select') engine.kill(queryId);
  };
  response.once('close', stopWhenGone);
  try {
    await answer(engine, statement, request, response);
  } finally {
    running.delete(queryId);
    response.off('close', stopWhenGone);
  }
}

function authenticate(credentials: Credentials, request: IncomingMessage, url: URL): void {
  const [scheme, encoded] = (request.headers.authorization ?? '').split(' ');
  let user = request.headers['x-clickhouse-user'] ?? url.searchParams.get('user') ?? 'default';
  let password = request.headers['x-clickhouse-key'] ?? url.searchParams.get('password') ?? '';
  if (scheme === 'Basic' && encoded !== undefined) {
    const plain = Buffer.from(encoded, 'base64').toString('utf8');
    const colon = plain.indexOf(':');
    user = plain.slice(0, colon);
    password = plain.slice(colon + 1);
  }
  if (!sameText(`${user}:${password}`, `${credentials.username}:${credentials.password}`)) {
    throw new RefusedRequest(
      516,
      'AUTHENTICATION_FAILED',
      'Authentication failed: password is incorrect, or there is no user with such name.',
    );
  }
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

const DECODERS = { gzip: createGunzip, br: createBrotliDecompress, zstd: createZstdDecompress } as const;

async function readRequest(request: IncomingMessage, url: URL): Promise<{ parameters: ReadonlyMap<string, string>; body: Buffer }> {
  const parameters = new Map(url.searchParams);
  const encoding = request.headers['content-encoding'];
  const decoder = encoding === undefined || encoding === 'identity' ? undefined : DECODERS[encoding as keyof typeof DECODERS];
  if (encoding !== undefined && encoding !== 'identity' && decoder === undefined) {
    throw new RefusedRequest(89, 'UNKNOWN_COMPRESSION_METHOD', 'Unknown content encoding of a request');
  }
  const body = await buffer(decoder === undefined ? request : request.pipe(decoder()));
  const contentType = request.headers['content-type'] ?? '';
  if (!contentType.startsWith('multipart/form-data')) return { parameters, body };
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': contentType } }).formData();
  for (const [name, value] of form) if (typeof value === 'string') parameters.set(name, value);
  return { parameters, body: Buffer.alloc(0) };
}

async function answer(engine: Engine, statement: Statement, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const results = engine.run(statement);
  // The first block decides whether the answer is an error: after it, the status has been sent.
  let next = await results.next();
  response.setHeader('X-ClickHouse-Format', statement.format);
  if (next.done) {
    const { writtenRows } = next.value;
    if (writtenRows !== undefined) response.setHeader('X-ClickHouse-Summary', JSON.stringify({ written_rows: String(writtenRows) }));
    response.end();
    return;
  }
  const tag = randomBytes(8).toString('hex');
  response.setHeader('X-ClickHouse-Exception-Tag', tag);
  const gzip = statement.compress && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? '')) ? createGzip() : undefined;
  if (gzip !== undefined) response.setHeader('Content-Encoding', 'gzip');
  const piped = gzip === undefined ? undefined : pipeline(gzip, response);
  piped?.catch(() => undefined);
  const out = gzip ?? response;
  try {
    while (!next.done) {
      if (response.destroyed) return;
      if (!out.write(next.value)) await Promise.race([once(out, 'drain'), once(response, 'close')]);
      next = await results.next();
    }
    out.end();
    await piped;
  } catch (error) {
    await endInError(out, response, tag, error);
  } finally {
    await results.return({ writtenRows: undefined });
  }
}

/** How ClickHouse ends a stream that failed: the exception, framed by the tag that the headers named, and no proper end of the response. */
async function endInError(out: ServerResponse | Gzip, response: ServerResponse, tag: string, error: unknown): Promise<void> {
  if (response.destroyed) return;
  const message = `${described(error).text}\n`;
  const frame = `\r\n__exception__\r\n${tag}\r\n${message}${Buffer.byteLength(message)} ${tag}\r\n__exception__\r\n`;
  await new Promise<void>((resolve) => out.write(frame, () => resolve()));
  if ('flush' in out) await new Promise<void>((resolve) => out.flush(constants.Z_SYNC_FLUSH, resolve));
  // A reader that meets the break first never sees the frame. One that reads rows hangs up when it does; one that waits for the end needs the break.
  await Promise.race([once(response, 'close'), delay(READ_ERROR_MS, undefined, { ref: false })]);
  response.socket?.end();
}

/** How long a reader has for the frame of an error, in milliseconds. */
const READ_ERROR_MS = 500;

const EXCEPTION_CODE = /Code: (\d+)\./;

/** An error as ClickHouse would write it. */
function described(error: unknown): { readonly code: number; readonly text: string } {
  if (error instanceof RefusedRequest) {
    return { code: error.code, text: `Code: ${error.code}. DB::Exception: ${error.message} (${error.type})` };
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = EXCEPTION_CODE.exec(message)?.[1];
  if (code === undefined) return { code: 1002, text: `Code: 1002. DB::Exception: ${message} (UNKNOWN_EXCEPTION)` };
  return { code: Number(code), text: message.slice(message.indexOf('Code: ')) };
}

/** Statuses that ClickHouse gives to what callers tell apart; 500 else. */
const STATUS_OF_CODE: ReadonlyMap<number, number> = new Map([
  [516, 403],
  [60, 404],
  [81, 404],
  [62, 400],
  [73, 400],
  [115, 400],
]);

function answerError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const { code, text } = described(error);
  response.statusCode = STATUS_OF_CODE.get(code) ?? 500;
  response.setHeader('X-ClickHouse-Exception-Code', String(code));
  response.end(`${text}\n`);
}
