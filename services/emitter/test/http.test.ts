import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { TransportError } from '../src/errors.ts';
import { createEventBuilder } from '../src/event-builder.ts';
import { httpTransport } from '../src/http/index.ts';
import { HASH_KEY } from './world.ts';

const builder = createEventBuilder({
  hashKey: HASH_KEY,
  origin: () => ({ emitterId: '01900000-0000-7000-8000-000000000000', sequence: 0 }),
});
const started = builder.runEvent({ tenantId: 'acme', workflowId: 'w', runId: 'r', attempt: 1 }, 'started', { occurredAt: 1 }, undefined, {
  'idemtrace-token': 'a.b.c',
});

interface Received {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function listen(answer: (response: ServerResponse) => void): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({ path: `${request.method} ${request.url}`, headers: request.headers, body: JSON.parse(text) });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** What sending one event to a server that answers so comes to. */
async function failureOf(answer: (response: ServerResponse) => void, timeoutMs?: number): Promise<TransportError> {
  const { url } = await listen(answer);
  const error = await httpTransport({ url, apiKey: 'key-1', timeoutMs })
    .send([started])
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TransportError);
  return error as TransportError;
}

const reply =
  (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));

test('a batch is one POST of JSON, with the key, headers of records beside their values', async () => {
  const { url, received } = await listen(reply(202));
  for (const base of [url, `${url}/`, new URL(`${url}/intake/`)]) await httpTransport({ url: base, apiKey: 'key-1' }).send([started]);
  expect(received.map(({ path }) => path)).toEqual(['POST /v1/events', 'POST /v1/events', 'POST /intake/v1/events']);
  expect(received[0]?.headers).toMatchObject({ authorization: 'Bearer key-1', 'content-type': 'application/json' });
  expect(received[0]?.body).toEqual({ events: [{ name: 'RunEvent', value: started.value, headers: { 'idemtrace-token': 'a.b.c' } }] });
});

describe('what is sent again', () => {
  test.each([
    [400, false, true],
    [401, false, false],
    [403, false, true],
    [404, false, false],
    [408, true, false],
    [413, false, true],
    [422, false, true],
    [425, true, false],
    [429, true, false],
    [500, true, false],
    [503, true, false],
  ])('status %i: retriable %s, divisible %s', async (status, retriable, divisible) => {
    expect(await failureOf(reply(status))).toMatchObject({ retriable, divisible });
  });

  test('a receiver that is away, cuts the connection, or does not answer in time', async () => {
    const { url } = await listen((response) => void response.destroy());
    await expect(httpTransport({ url, apiKey: 'k' }).send([started])).rejects.toMatchObject({ retriable: true });
    await expect(httpTransport({ url: 'http://127.0.0.1:9', apiKey: 'k' }).send([started])).rejects.toMatchObject({ retriable: true });
    expect(await failureOf(() => {}, 50)).toMatchObject({ retriable: true });
  });

  test('after as long as the receiver asks for, in seconds or by date, at most five minutes', async () => {
    const wait = async (value: string) => (await failureOf(reply(429, {}, { 'retry-after': value }))).retryAfterMs;
    expect(await wait('7')).toBe(7000);
    expect(await wait('100000')).toBe(300_000);
    expect(await wait(new Date(Date.now() + 60_000).toUTCString())).toBeGreaterThan(50_000);
    expect(await wait('soon')).toBeUndefined();
  });
});

describe('what the receiver says is wrong is told', () => {
  test.each<[unknown, string]>([
    [
      {
        error: 'invalid',
        errors: [
          { path: 'events[0]', message: 'value.attempt: below 1' },
          { path: 'events[3]', message: 'not an object' },
        ],
      },
      ': events[0]: value.attempt: below 1; events[3]: not an object',
    ],
    [{ error: 'foreign_tenant', detail: 'This key is of tenant acme.' }, ': This key is of tenant acme.'],
    [{ error: 'fault' }, ': fault'],
    [{ detail: 'x'.repeat(5000) }, `: ${'x'.repeat(1000)}`],
    [{ detail: 7 }, ''],
    [{ errors: 'odd' }, ''],
    ['<html>', ''],
    [{}, ''],
    [null, ''],
  ])('%#', async (body, text) => {
    expect((await failureOf(reply(422, body))).message).toBe(`status 422${text}`);
  });
});

test('a URL or key that cannot be used is refused at once, and not told', () => {
  for (const url of ['', 'ftp://host', 'no url'])
    expect(() => httpTransport({ url, apiKey: 'k' })).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  for (const apiKey of ['', 'a b', 'secret\n']) {
    expect(() => httpTransport({ url: 'http://host', apiKey })).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  }
  expect(() => httpTransport({ url: 'http://host', apiKey: 'SECR ET' })).toThrow(expect.not.stringContaining('SECR'));
});
