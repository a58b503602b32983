/** A gateway onto a log that remembers, and what tests send to it. */
import { type Codec, createCodec, eventKey, fileRegistry, type RunEvent } from '@idemtrace/schemas';
import type { NewRecord } from '@idemtrace/stream';
import { createGateway, type Gateway, type GatewayOptions } from '../src/index.ts';

export const codec: Codec = await createCodec({ registry: fileRegistry() });

export const KEYS = [
  { tenantId: 'acme', key: 'key-of-acme' },
  { tenantId: 'globex', key: 'key-of-globex' },
];

export const RUN: RunEvent = {
  tenantId: 'acme',
  workflowId: 'invoice-run',
  runId: 'run-1',
  attempt: 1,
  parentRunId: null,
  conversationId: null,
  agentId: null,
  agentVersion: null,
  incarnation: 0,
  phase: 'started',
  status: null,
  occurredAt: 1_760_000_000_000,
  emitterId: '018f2f6e-0000-7000-8000-000000000001',
  sequence: 0,
  policyVersion: null,
  traceId: null,
};

export const event = (value: object = {}) => ({ name: 'RunEvent', value: { ...RUN, ...value } });
export const json = (...events: readonly unknown[]) => JSON.stringify({ events });

export interface World {
  readonly gateway: Gateway;
  readonly appended: NewRecord[];
  readonly faults: unknown[];
}

/** `append`: what the log does instead of taking the records at once. */
export function world(options: Partial<GatewayOptions> & { readonly append?: () => Promise<void> } = {}): World {
  const appended: NewRecord[] = [];
  const faults: unknown[] = [];
  const gateway = createGateway({
    log: {
      async append(_topic, records) {
        await options.append?.();
        appended.push(...records);
        return records.map((_, offset) => ({ partition: 0, offset }));
      },
    },
    codec,
    topic: 'events',
    keys: KEYS,
    ready: async () => ({ ready: true, waitingFor: null }),
    onFault: (error) => faults.push(error),
    ...options,
  });
  return { gateway, appended, faults };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly accepted?: number;
    readonly error?: string;
    readonly detail?: string;
    readonly errors?: readonly { readonly index: number; readonly path: string; readonly reason: string; readonly message: string }[];
    readonly omitted?: number;
  };
}

export async function post(
  { gateway }: Pick<World, 'gateway'>,
  body: string | Uint8Array | ReadableStream,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await gateway.request('/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer key-of-acme', ...headers },
    body: body instanceof Uint8Array ? new Uint8Array(body) : body,
    duplex: 'half',
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}

/** The records as a consumer of the log sees them. */
export async function decoded(records: readonly NewRecord[]) {
  return codec.decode(records.map(({ key, value }) => ({ key: key === null ? null : Buffer.from(key), value, logTime: RUN.occurredAt })));
}

export const keyOf = (value: Partial<RunEvent> = {}) => eventKey(value.tenantId ?? RUN.tenantId, value.workflowId ?? RUN.workflowId);
