/** How many events a tenant may send: a bucket of tokens each, one token an event. Held in this process: n gateways let n times as many through. */

export interface Rate {
  readonly eventsPerSecond: number;
  /** Events that may come at once; default: those of two seconds, at least one full batch. */
  readonly burst?: number;
}

export interface RateLimits extends Rate {
  /** Tenants with a rate of their own. */
  readonly tenants?: ReadonlyMap<string, Rate>;
}

interface Bucket {
  readonly perMs: number;
  readonly size: number;
  tokens: number;
  /** ms, when `tokens` was right. */
  at: number;
}

export class RateLimiter {
  readonly #limits: RateLimits | undefined;
  readonly #leastBurst: number;
  readonly #elapsed: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** `elapsed`: monotonic, ms. Without limits everything is let through. */
  constructor(limits: RateLimits | undefined, leastBurst: number, elapsed: () => number) {
    this.#limits = limits;
    this.#leastBurst = leastBurst;
    this.#elapsed = elapsed;
  }

  /** Most events that this tenant's bucket ever holds. */
  burstOf(tenantId: string): number {
    return this.#bucket(tenantId)?.size ?? Number.POSITIVE_INFINITY;
  }

  /** Takes a token for each event; or none, and answers after how many seconds there are enough. */
  take(tenantId: string, events: number): number | undefined {
    const bucket = this.#bucket(tenantId);
    if (bucket === undefined) return undefined;
    if (bucket.tokens < events) return Math.max(1, Math.ceil((events - bucket.tokens) / bucket.perMs / 1000));
    bucket.tokens -= events;
    return undefined;
  }

  /** Gives back what was taken for events that were not kept through no fault of the sender's. */
  giveBack(tenantId: string, events: number): void {
    const bucket = this.#bucket(tenantId);
    if (bucket !== undefined) bucket.tokens = Math.min(bucket.size, bucket.tokens + events);
  }

  #bucket(tenantId: string): Bucket | undefined {
    if (this.#limits === undefined) return undefined;
    const now = this.#elapsed();
    let bucket = this.#buckets.get(tenantId);
    if (bucket === undefined) {
      const { eventsPerSecond, burst } = this.#limits.tenants?.get(tenantId) ?? this.#limits;
      const size = burst ?? Math.max(2 * eventsPerSecond, this.#leastBurst);
      bucket = { perMs: eventsPerSecond / 1000, size, tokens: size, at: now };
      // As many as there are tenants with keys.
      this.#buckets.set(tenantId, bucket);
    }
    bucket.tokens = Math.min(bucket.size, bucket.tokens + (now - bucket.at) * bucket.perMs);
    bucket.at = now;
    return bucket;
  }
}
