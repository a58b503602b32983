import { IdemtraceError, TransportError } from '../errors.ts';
import type { EmittedEvent, Transport } from '../transport.ts';

export interface HttpTransportOptions {
  /** Base URL of the intake; `/v1/events` is added to its path. */
  readonly url: string | URL;
  readonly apiKey: string;
  /** How long one request may take, in ms; default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** Statuses that another try may change, beside all from 500. */
const RETRIABLE: ReadonlySet<number> = new Set([408, 425, 429]);
/** Statuses that may speak of some of the events, e.g. those of a tenant that the key is not of: a part of the batch may be taken. */
const DIVISIBLE: ReadonlySet<number> = new Set([400, 403, 413, 422]);
const LONGEST_RETRY_AFTER_MS = 300_000;
const LONGEST_ANSWER = 1000;

/**
 * Posts batches as JSON: `{ "events": [{ "name", "value", "headers"? }] }` to `URL/v1/events` with `authorization: Bearer KEY`; any 2xx says that
 * all of the batch is durable. Network errors, timeouts, 408, 425, 429 and 5xx are sent again, after `retry-after` where the answer has one.
 * Throws IdemtraceError `invalid_option` for a URL or key that cannot be used.
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const url = endpoint(options.url);
  if (!/^[\x21-\x7e]+$/.test(options.apiKey)) throw new IdemtraceError('invalid_option', 'the API key is no printable ASCII');
  const headers = { authorization: `Bearer ${options.apiKey}`, 'content-type': 'application/json' };
  const post = options.fetch ?? globalThis.fetch;
  const timeoutMs = options.timeoutMs ?? 10_000;

  return {
    async send(batch: readonly EmittedEvent[]): Promise<void> {
      const response = await attempt(() =>
        post(url, { method: 'POST', headers, body: JSON.stringify({ events: batch }), signal: AbortSignal.timeout(timeoutMs) }),
      );
      if (response.ok) {
        // An answer that nobody reads keeps its connection.
        await response.body?.cancel();
        return;
      }
      const { status } = response;
      throw new TransportError(`the receiver answered ${status}${await mistakesOf(response)}`, {
        retriable: status >= 500 || RETRIABLE.has(status),
        divisible: DIVISIBLE.has(status),
        retryAfterMs: retryAfter(response.headers.get('retry-after')),
      });
    },
  };
}

function endpoint(base: string | URL): URL {
  const url = URL.parse(String(base));
  if (!url?.protocol.startsWith('http')) throw new IdemtraceError('invalid_option', 'the URL cannot be used');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/events`;
  return url;
}

async function attempt(request: () => Promise<Response>): Promise<Response> {
  try {
    return await request();
  } catch (error) {
    const { name, cause } = error as { readonly name?: string; readonly cause?: { readonly code?: string } };
    throw new TransportError(`the receiver cannot be reached (${cause?.code ?? name})`, { retriable: true, cause: error });
  }
}

/**
 * What the receiver says is wrong: `{ "errors": [{ "path", "message" }] }`, `{ "detail" }` or `{ "error" }`; nothing where it says it
 * otherwise.
 */
async function mistakesOf(response: Response): Promise<string> {
  try {
    const body = (await response.json()) as {
      readonly errors?: readonly { readonly path: string; readonly message: string }[];
      readonly detail?: string;
      readonly error?: string;
    };
    const told = body.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? body.detail ?? body.error;
    return typeof told === 'string' ? `: ${told.slice(0, LONGEST_ANSWER)}` : '';
  } catch {
    return '';
  }
}

/** Seconds, or a date; undefined where it is neither. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, LONGEST_RETRY_AFTER_MS) : undefined;
}
