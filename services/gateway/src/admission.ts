/** How many requests are read and appended at once: each may hold a body in memory, and a log that is slow must not gather them without bound. */

export interface Admission {
  /** Of all tenants together, default 256. */
  readonly total?: number;
  /** Of one tenant, so that one cannot take all the room; default a quarter of all. */
  readonly perTenant?: number;
}

export class UnderWay {
  readonly #total: number;
  readonly #perTenant: number;
  readonly #tenants = new Map<string, number>();
  #count = 0;

  constructor({ total = 256, perTenant = Math.max(1, Math.floor(total / 4)) }: Admission = {}) {
    this.#total = total;
    this.#perTenant = perTenant;
  }

  get count(): number {
    return this.#count;
  }

  /** Answers what is to be called once when the request is done with; undefined where there is no room. */
  enter(tenantId: string): (() => void) | undefined {
    const ofTenant = this.#tenants.get(tenantId) ?? 0;
    if (this.#count >= this.#total || ofTenant >= this.#perTenant) return undefined;
    this.#count += 1;
    this.#tenants.set(tenantId, ofTenant + 1);
    return () => {
      this.#count -= 1;
      const left = (this.#tenants.get(tenantId) ?? 1) - 1;
      if (left === 0) this.#tenants.delete(tenantId);
      else this.#tenants.set(tenantId, left);
    };
  }
}
