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

/**
 * Posts batches as JSON: `{ "events": [{ "name", "value", "headers"? }] }` to `URL/v1/events` with `authorization: Bearer KEY`; any 2xx says that
 * all of the batch is durable. Network errors, timeouts, 408, 425, 429 and 5xx are sent again, after `retry-after` where the answer has one.
 * Throws IdemtraceError `invalid_option` for a URL or key that cannot be used.
 */
export function httpTransport(options: HttpTransportOptions): Transport {
  const url = URL.parse(`${options.url}`);
  if (!url?.protocol.startsWith('http') || !/^[!-~]+$/.test(options.apiKey))
    throw new IdemtraceError('invalid_option', 'url is an HTTP URL, apiKey printable ASCII');
  url.pathname = url.pathname.replace(/\/*$/, '/v1/events');
  const headers = { authorization: `Bearer ${options.apiKey}`, 'content-type': 'application/json' };
  const post = options.fetch ?? fetch;

  return {
    async send(batch: readonly EmittedEvent[]): Promise<void> {
      const body = JSON.stringify({ events: batch });
      const response = await post(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(options.timeoutMs ?? 10_000) }).catch(
        unreachable,
      );
      const { ok, status } = response;
      if (!ok)
        throw new TransportError(`status ${status}${await mistakesOf(response)}`, {
          // Another try may change these …
          retriable: [408, 425, 429].includes(status) || status >= 500,
          // … and these may speak of some of the events, e.g. those of a tenant that the key is not of: a part of the batch may be taken.
          divisible: [400, 403, 413, 422].includes(status),
          retryAfterMs: retryAfter(response.headers.get('retry-after')),
        });
      // An answer that nobody reads keeps its connection.
      await response.body?.cancel();
    },
  };
}

function unreachable(error: { readonly name?: string; readonly cause?: { readonly code?: string } }): never {
  throw new TransportError(`no answer (${error.cause?.code ?? error.name})`, { retriable: true, cause: error });
}

/**
 * What the receiver says is wrong: `{ "errors": [{ "path", "message" }] }`, `{ "detail" }` or `{ "error" }`; nothing where it says it
 * otherwise.
 */
async function mistakesOf(response: Response): Promise<string> {
  try {
    const { errors, detail, error } = (await response.json()) as Told;
    return `: ${(errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? detail ?? error).slice(0, 1000)}`;
  } catch {
    return '';
  }
}

interface Told {
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
  readonly detail?: string;
  readonly error: string;
}

/** In ms, at most five minutes, from seconds or a date; undefined where the header is neither. */
function retryAfter(header: string | null): number | undefined {
  const ms = Number(header) * 1000 || Date.parse(`${header}`) - Date.now();
  return ms > 0 ? Math.min(ms, 300_000) : undefined;
}
