/** What a gateway has done since it started. */
export interface GatewayCounters {
  /** Requests to `POST /v1/events`, by status. */
  readonly requests: Record<number, number>;
  /** Events that the log acknowledged. */
  events: number;
}

export function newGatewayCounters(): GatewayCounters {
  return { requests: {}, events: 0 };
}

export function countRequest(counters: GatewayCounters, status: number, events: number): void {
  counters.requests[status] = (counters.requests[status] ?? 0) + 1;
  counters.events += events;
}
