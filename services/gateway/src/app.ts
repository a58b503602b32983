/**
 * HTTP ingest: `POST /v1/events` takes a batch of events and answers once the log has all of them, or none.
 *
 * A key belongs to one tenant, and a batch with another tenant's event is refused whole (T1). Mistakes are told by index and field, never by
 * value (P1).
 */
import { randomUUID } from 'node:crypto';
import type { Codec } from '@idemtrace/schemas';
import type { EventLog } from '@idemtrace/stream';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { type Admission, UnderWay } from './admission.ts';
import type { ProblemBody } from './contract.ts';
import { countRequest, type GatewayCounters, newGatewayCounters } from './counters.ts';
import { type BatchFormat, formatOf, type Ingested, ingest, problemOf } from './ingest.ts';
import { authenticator, type TenantKey } from './keys.ts';
import { MOST_EVENTS, MOST_MISTAKES } from './limits.ts';
import { createProbes, type Readiness } from './probes.ts';
import { PROBLEMS, type Problem } from './problems.ts';
import { RateLimiter, type RateLimits } from './rate.ts';

/** A request to `POST /v1/events` that was answered. */
export interface AnsweredRequest {
  readonly requestId: string;
  readonly status: number;
  /** Undefined where the sender said none that is read. */
  readonly format: BatchFormat | undefined;
  /** Events that the log has; 0 where the batch was refused. */
  readonly events: number;
  readonly durationMs: number;
}

export interface GatewayOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly codec: Pick<Codec, 'encode' | 'decode'>;
  readonly topic: string;
  readonly keys: readonly TenantKey[];
  /** Whether what is sent now is judged soon; what it waits for, where it is not. */
  readonly ready: () => Promise<Readiness>;
  /** How many events a second tenants may send; default: as many as they like. Per process. */
  readonly rate?: RateLimits;
  /** How many requests may be under way; beyond it 503 `busy`. */
  readonly underWay?: Admission;
  /** How long a body may take to arrive; default 15,000. */
  readonly bodyTimeoutMs?: number;
  /** How long the log may take before the sender is told to come again; default 8,000: less than the SDK waits for an answer. */
  readonly appendTimeoutMs?: number;
  /** Told of faults that the sender can do nothing about. */
  readonly onFault?: (error: unknown, requestId: string) => void;
  /** Told of every answered batch, e.g. to measure. */
  readonly onRequest?: (request: AnsweredRequest) => void;
  /** Makes ids of requests that bring none. */
  readonly newId?: () => string;
}

export interface GatewayStatus {
  readonly draining: boolean;
  /** Requests whose body is being read, or whose batch the log has not acknowledged. */
  readonly underWay: number;
  readonly counters: GatewayCounters;
}

export interface Gateway {
  /** Answers a request, as a server hands it on. */
  fetch(request: Request): Response | Promise<Response>;
  /** Answers a request made here: for tests, without a port. */
  request(path: string, init?: RequestInit): Response | Promise<Response>;
  status(): GatewayStatus;
  /** From now on says that it is not ready, and asks senders to close their connections; requests are still answered. */
  drain(): void;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** Throws GatewayError `ambiguous_key` where one key is of two tenants. */
export function createGateway(options: GatewayOptions): Gateway {
  const { bodyTimeoutMs = 15_000, appendTimeoutMs = 8_000, newId = randomUUID, onFault, onRequest } = options;
  const underWay = new UnderWay(options.underWay);
  const counters = newGatewayCounters();
  let draining = false;
  const ingestOptions = {
    ...options,
    bodyTimeoutMs,
    appendTimeoutMs,
    underWay,
    tenantOf: authenticator(options.keys),
    rate: new RateLimiter(options.rate, MOST_EVENTS, () => performance.now()),
    now: Date.now,
  };

  async function outcomeOf(request: Request, requestId: string): Promise<Ingested> {
    try {
      return await ingest(request, ingestOptions);
    } catch (error) {
      onFault?.(error, requestId);
      return { ok: false, problem: problemOf(error) };
    }
  }

  const app = new Hono<{ Variables: { requestId: string } }>();

  app.use(async (c, next) => {
    const given = c.req.header('x-request-id') ?? '';
    const requestId = REQUEST_ID.test(given) ? given : newId();
    c.set('requestId', requestId);
    await next();
    c.header('x-request-id', requestId);
    if (draining) c.header('connection', 'close');
  });

  app.post('/v1/events', async (c) => {
    const startedAt = performance.now();
    const requestId = c.get('requestId');
    const outcome = await outcomeOf(c.req.raw, requestId);
    const status = outcome.ok ? 200 : PROBLEMS[outcome.problem.code].status;
    const events = outcome.ok ? outcome.accepted : 0;
    const format = formatOf(c.req.header('content-type') ?? null);
    countRequest(counters, status, events);
    onRequest?.({ requestId, status, format, events, durationMs: performance.now() - startedAt });
    if (outcome.ok) return c.json({ accepted: outcome.accepted });
    const { problem } = outcome;
    if (status === 401) c.header('www-authenticate', 'Bearer');
    if (status === 415) c.header('accept-encoding', 'gzip, deflate');
    if (problem.retryAfterSeconds !== undefined) c.header('retry-after', String(problem.retryAfterSeconds));
    return c.json(bodyOf(problem), status satisfies ContentfulStatusCode);
  });

  // Made at the first question, and never again.
  let document: object | undefined;
  app.get('/openapi.json', async (c) => {
    document ??= (await import('./openapi.ts')).openApiDocument();
    return c.json(document);
  });

  app.route(
    '/',
    createProbes(async () => (draining ? { ready: false, waitingFor: 'nothing: it is about to end' } : options.ready())),
  );
  app.notFound((c) =>
    c.json({ error: 'not_found', detail: 'There is POST /v1/events, GET /openapi.json, GET /healthz and GET /readyz.' }, 404),
  );
  app.onError((error, c) => {
    onFault?.(error, c.get('requestId'));
    return c.json(bodyOf(problemOf(error)), 500);
  });

  return {
    fetch: (request) => app.fetch(request),
    request: (path, init) => app.request(path, init),
    status: () => ({ draining, underWay: underWay.count, counters }),
    drain() {
      draining = true;
    },
  };
}

function bodyOf({ code, detail, mistakes = [] }: Problem): ProblemBody {
  const omitted = mistakes.length - MOST_MISTAKES;
  return {
    error: code,
    detail,
    ...(mistakes.length > 0 && { errors: mistakes.slice(0, MOST_MISTAKES) }),
    ...(omitted > 0 && { omitted }),
  };
}
