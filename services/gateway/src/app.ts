/**
 * HTTP ingest: `POST /v1/events` takes a batch of events as JSON and answers once the log has all of them, or none.
 *
 * A key belongs to one tenant, and a batch with another tenant's event is refused whole (T1). Mistakes are told by index and field, never by
 * value (P1).
 */
import { hash, timingSafeEqual } from 'node:crypto';
import { type AnyRecord, type Codec, EncodeError, eventKey, parseEvent } from '@idemtrace/schemas';
import type { EventLog, NewRecord } from '@idemtrace/stream';
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';

export interface TenantKey {
  readonly tenantId: string;
  readonly key: string;
}

export interface GatewayOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly codec: Pick<Codec, 'encode'>;
  readonly topic: string;
  readonly keys: readonly TenantKey[];
  /** Whether what is sent now is judged soon; what it waits for, where it is not. */
  readonly ready: () => Promise<{ readonly ready: boolean; readonly waitingFor: string | null }>;
  /** Told of faults that the sender can do nothing about. */
  readonly onFault?: (error: unknown) => void;
}

export const MOST_EVENTS = 1000;
export const MOST_BODY_BYTES = 4 * 1_048_576;
const RETRY_AFTER_SECONDS = '1';

/** A mistake of one event of the batch. */
interface EventMistake {
  readonly path: string;
  readonly reason: string;
  /** Every mistake of the event, by field and bound. */
  readonly message: string;
}

type IngestedEvent = Extract<AnyRecord, { name: 'RunEvent' | 'ToolCallEvent' | 'RetrievalEvent' }>;
interface Ingested {
  readonly event: IngestedEvent;
  readonly headers: Readonly<Record<string, Buffer>> | undefined;
}

export function createGateway(options: GatewayOptions): Hono {
  const { log, codec, topic, ready, onFault } = options;
  const tenantOf = authenticator(options.keys);
  const app = new Hono();

  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', async (c) => {
    const state = await ready().catch(() => ({ ready: false, waitingFor: 'a part of the pipeline that failed' }));
    return c.json({ ready: state.ready, waitingFor: state.waitingFor }, state.ready ? 200 : 503);
  });

  const tooLarge = bodyLimit({
    maxSize: MOST_BODY_BYTES,
    onError: (c) => c.json({ error: 'too_large', detail: `A body has at most ${MOST_BODY_BYTES} bytes: send smaller batches.` }, 413),
  });

  app.post('/v1/events', tooLarge, async (c) => {
    const tenantId = tenantOf(c.req.header('authorization'));
    if (tenantId === undefined) {
      c.header('www-authenticate', 'Bearer');
      return c.json({ error: 'unauthorized', detail: 'Send a key of a tenant: authorization: Bearer KEY.' }, 401);
    }
    const body = await c.req.json().catch(() => undefined);
    const posted: unknown = isObject(body) ? body.events : undefined;
    if (!Array.isArray(posted))
      return c.json({ error: 'invalid', detail: 'The body is JSON: { "events": [{ "name", "value", "headers"? }] }.' }, 400);
    if (posted.length > MOST_EVENTS) return c.json({ error: 'too_many', detail: `A batch has at most ${MOST_EVENTS} events.` }, 413);

    const { events, mistakes } = readEvents(posted);
    if (mistakes.length > 0) return c.json({ error: 'invalid', errors: mistakes }, 400);
    const foreign = events.flatMap(({ event }, index) => (event.value.tenantId === tenantId ? [] : [index]));
    if (foreign.length > 0) {
      return c.json({ error: 'foreign_tenant', detail: `This key is of tenant ${tenantId}.`, indexes: foreign }, 403);
    }
    try {
      await log.append(
        topic,
        events.map((event) => recordOf(event, codec)),
      );
    } catch (error) {
      // What cannot be encoded passed every check above: a fault of ours, and sending it again changes nothing.
      if (error instanceof EncodeError) return c.json({ error: 'invalid', detail: error.message }, 400);
      onFault?.(error);
      c.header('retry-after', RETRY_AFTER_SECONDS);
      return c.json({ error: 'unavailable', detail: 'The log does not take records now: send the batch again.' }, 503);
    }
    return c.json({ accepted: events.length });
  });

  app.notFound((c) => c.json({ error: 'not_found', detail: 'There is POST /v1/events, GET /healthz and GET /readyz.' }, 404));
  app.onError((error, c) => {
    onFault?.(error);
    return c.json({ error: 'fault', detail: 'The gateway failed.' }, 500);
  });
  return app;
}

/** Compares digests in constant time, so that an answer's time tells nothing of a key. */
function authenticator(keys: readonly TenantKey[]): (authorization: string | undefined) => string | undefined {
  const known = keys.map(({ key, tenantId }) => ({ digest: hash('sha256', key, 'buffer'), tenantId }));
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (given === undefined) return undefined;
    const digest = hash('sha256', given, 'buffer');
    return known.filter((key) => timingSafeEqual(key.digest, digest))[0]?.tenantId;
  };
}

function readEvents(posted: readonly unknown[]): { readonly events: readonly Ingested[]; readonly mistakes: readonly EventMistake[] } {
  const events: Ingested[] = [];
  const mistakes: EventMistake[] = [];
  for (const [index, item] of posted.entries()) {
    const path = `events[${index}]`;
    if (!isObject(item)) {
      mistakes.push({ path, reason: 'invalid', message: 'not an object' });
      continue;
    }
    const headers = headersOf(item.headers);
    if (headers === 'invalid') mistakes.push({ path, reason: 'invalid', message: 'headers: not an object of strings' });
    const unknown = Object.keys(item).filter((name) => !['name', 'value', 'headers'].includes(name)).length;
    if (unknown > 0) mistakes.push({ path, reason: 'invalid', message: `${unknown} unknown fields beside name, value and headers` });
    const decoded = parseEvent(item.name, item.value);
    if (!decoded.ok) mistakes.push({ path, reason: decoded.reason, message: decoded.detail });
    else if (headers !== 'invalid') events.push({ event: decoded.record as IngestedEvent, headers });
  }
  return { events, mistakes };
}

function headersOf(headers: unknown): Ingested['headers'] | 'invalid' {
  if (headers === undefined) return undefined;
  if (!isObject(headers)) return 'invalid';
  const entries = Object.entries(headers);
  if (entries.length > 16 || entries.some(([, text]) => typeof text !== 'string' || text.length > 8192)) return 'invalid';
  return Object.fromEntries(entries.map(([name, text]) => [name, Buffer.from(text as string)]));
}

function recordOf({ event, headers }: Ingested, codec: Pick<Codec, 'encode'>): NewRecord {
  const key = eventKey(event.value.tenantId, event.value.workflowId);
  const value = codec.encode(event.name as 'RunEvent', event.value as never);
  return headers === undefined ? { key, value } : { key, value, headers };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
