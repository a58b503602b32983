/**
 * Every way in which `POST /v1/events` may refuse a batch: the one table. Answers are made from it and the OpenAPI document lists it, so no
 * status can be answered that is not documented.
 */

interface ProblemKind {
  readonly status: 400 | 401 | 403 | 408 | 413 | 415 | 429 | 500 | 503;
  /** Whether the same batch may be taken later. */
  readonly again: boolean;
  readonly meaning: string;
}

export const PROBLEMS = {
  invalid: { status: 400, again: false, meaning: 'The body, or an event of it, is not what it must be: `errors` lists every mistake.' },
  unauthorized: { status: 401, again: false, meaning: 'No key, or one that nobody has.' },
  foreign_tenant: {
    status: 403,
    again: false,
    meaning: 'An event names another tenant than the key’s: nothing of the batch is taken, and `errors` lists those events.',
  },
  slow_body: { status: 408, again: true, meaning: 'The body did not arrive in time.' },
  too_large: { status: 413, again: false, meaning: 'The body, or an event, has too many bytes: send smaller batches.' },
  too_many: { status: 413, again: false, meaning: 'The batch has too many events, for any batch or for this tenant’s burst: split it.' },
  unsupported_type: { status: 415, again: false, meaning: 'The content type or encoding is none that the gateway reads.' },
  over_rate: { status: 429, again: true, meaning: 'The tenant sends more events than it may: wait for `retry-after`.' },
  fault: { status: 500, again: true, meaning: 'The gateway failed.' },
  unavailable: {
    status: 503,
    again: true,
    meaning:
      'The log or the schema registry is away, or does not answer in time. The batch may be in the log all the same; sent again, it counts once.',
  },
  busy: { status: 503, again: true, meaning: 'As many requests are under way as may be.' },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** One thing that is wrong with one event: where, and which bound; never its value (P1). */
export interface Mistake {
  /** Of the event in the batch, from 0. */
  readonly index: number;
  /** E.g. `events[3].value.attempt`. */
  readonly path: string;
  /** Stable. */
  readonly reason: string;
  readonly message: string;
}

/** Why a batch is refused: a value, not an exception. */
export interface Problem {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly mistakes?: readonly Mistake[];
  readonly retryAfterSeconds?: number;
}
