/** One request to `POST /v1/events`, from its headers to a batch in the log, or to the reason why it is not there. */
import { type Codec, RegistryError } from '@idemtrace/schemas';
import { type EventLog, LogError } from '@idemtrace/stream';
import type { UnderWay } from './admission.ts';
import { AVRO_BATCH, splitAvro } from './batch/avro.ts';
import type { CheckedEvent, Split } from './batch/checked.ts';
import { splitJson } from './batch/json.ts';
import { encodingOf, readBody } from './body.ts';
import { inTime } from './in-time.ts';
import type { Problem } from './problems.ts';
import type { RateLimiter } from './rate.ts';

export interface IngestOptions {
  readonly log: Pick<EventLog, 'append'>;
  readonly codec: Pick<Codec, 'encode' | 'decode'>;
  readonly topic: string;
  readonly tenantOf: (authorization: string | undefined) => string | undefined;
  readonly rate: RateLimiter;
  readonly underWay: UnderWay;
  /** How long a body may take to arrive. */
  readonly bodyTimeoutMs: number;
  /** How long the log may take. */
  readonly appendTimeoutMs: number;
  /** ms since the epoch. */
  readonly now: () => number;
}

export type BatchFormat = 'json' | 'avro';

const FORMATS: Readonly<Record<string, BatchFormat>> = { 'application/json': 'json', [AVRO_BATCH]: 'avro' };

export type Ingested = { readonly ok: true; readonly accepted: number } | { readonly ok: false; readonly problem: Problem };

/** The format that a content type names; undefined where it is none that is read. */
export function formatOf(contentType: string | null): BatchFormat | undefined {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([^"]*)"?\s*$/.exec(parameter)?.[1]).find((name) => name !== undefined);
  if (charset !== undefined && charset !== 'utf-8') return undefined;
  return Object.hasOwn(FORMATS, type.trim()) ? FORMATS[type.trim()] : undefined;
}

function refused(problem: Problem): Ingested {
  return { ok: false, problem };
}

/** Rejects where the log or the registry cannot be used, and on faults of this program. */
export async function ingest(request: Request, options: IngestOptions): Promise<Ingested> {
  const { headers } = request;
  const tenantId = options.tenantOf(headers.get('authorization') ?? undefined);
  if (tenantId === undefined) return refused({ code: 'unauthorized', detail: 'Send a key of a tenant: authorization: Bearer KEY.' });
  const format = formatOf(headers.get('content-type'));
  if (format === undefined) return refused({ code: 'unsupported_type', detail: `Send application/json (UTF-8) or ${AVRO_BATCH}.` });
  const encoding = encodingOf(headers.get('content-encoding') ?? undefined);
  if (encoding === undefined) return refused({ code: 'unsupported_type', detail: 'Send content-encoding gzip or deflate, or none.' });
  // The first token is taken unseen: what is over its rate is not read, and what is no batch is not free.
  const wait = options.rate.take(tenantId, 1);
  if (wait !== undefined) return overRate(wait);
  const leave = options.underWay.enter(tenantId);
  if (leave === undefined) {
    options.rate.giveBack(tenantId, 1);
    return refused({ code: 'busy', detail: 'Too many requests are under way: send the batch again.', retryAfterSeconds: 1 });
  }
  // A request that was answered too early, because the log took too long, still holds its place until the log is done with it.
  let appending: Promise<unknown> = Promise.resolve();
  try {
    const body = await readBody({ raw: request, encoding, timeoutMs: options.bodyTimeoutMs });
    if (!body.ok) return refused(body.problem);
    const split: Split = format === 'json' ? splitJson(body.bytes, options.codec) : splitAvro(body.bytes, options.codec, options.now);
    if (!split.ok) return refused(split.problem);
    const events = await checked(split, tenantId, options);
    if ('code' in events) return refused(events);
    if (events.length === 0) return { ok: true, accepted: 0 };
    const append = options.log.append(
      options.topic,
      events.map(({ record }) => record),
    );
    appending = append;
    return await appended(append, events.length, tenantId, options);
  } finally {
    void appending.then(leave, leave);
  }
}

function overRate(seconds: number): Ingested {
  return refused({ code: 'over_rate', detail: 'This tenant sends more events than it may.', retryAfterSeconds: seconds });
}

/** The events, where all are valid and of the tenant. */
async function checked(
  split: Extract<Split, { ok: true }>,
  tenantId: string,
  { rate }: IngestOptions,
): Promise<readonly CheckedEvent[] | Problem> {
  const burst = rate.burstOf(tenantId);
  if (split.count > burst) return { code: 'too_many', detail: `A batch of this tenant has at most ${burst} events.` };
  const wait = split.count > 1 ? rate.take(tenantId, split.count - 1) : undefined;
  if (wait !== undefined) {
    rate.giveBack(tenantId, 1);
    return { code: 'over_rate', detail: 'This tenant sends more events than it may.', retryAfterSeconds: wait };
  }
  const answer = await split.check();
  if (!answer.ok) return { code: 'invalid', detail: 'Nothing of the batch is taken.', mistakes: answer.mistakes };
  const foreign = answer.events.flatMap((event, index) => (event.tenantId === tenantId ? [] : [index]));
  if (foreign.length === 0) return answer.events;
  return {
    code: 'foreign_tenant',
    detail: `This key is of tenant ${tenantId}.`,
    mistakes: foreign.map((index) => ({
      index,
      path: `events[${index}].value.tenantId`,
      reason: 'foreign_tenant',
      message: 'not the tenant of the key',
    })),
  };
}

const TOO_LONG = 'The log did not answer in time: send the batch again.';

async function appended(append: Promise<unknown>, events: number, tenantId: string, options: IngestOptions): Promise<Ingested> {
  try {
    if ((await inTime(append, options.appendTimeoutMs)) !== 'late') return { ok: true, accepted: events };
  } catch (error) {
    options.rate.giveBack(tenantId, events);
    if (error instanceof LogError && error.code === 'record_too_large')
      return refused({ code: 'too_large', detail: 'The log takes no record or batch of that size.' });
    throw error;
  }
  options.rate.giveBack(tenantId, events);
  return refused({ code: 'unavailable', detail: TOO_LONG, retryAfterSeconds: 1 });
}

/** What is answered to a fault that is not the sender's: something is away, or this program is wrong. */
export function problemOf(error: unknown): Problem {
  const isAway = error instanceof LogError || error instanceof RegistryError;
  return isAway
    ? { code: 'unavailable', detail: 'Events cannot be taken now: send the batch again.', retryAfterSeconds: 1 }
    : { code: 'fault', detail: 'The gateway failed.' };
}
