/** Looks at what Redis says of its memory: it must not throw facts away, and when it did, somebody must know. */
import { type Client, mastersOf } from './connect.ts';
import { faultOf, RedisWindowsError } from './error.ts';

export interface WatchStatus {
  /** Redis answered when last looked at, and keeps what it is given. */
  readonly ready: boolean;
  /** Memory of all its servers that hold keys, all keys counted; undefined before it first answered. */
  readonly usedBytes: number | undefined;
  readonly maxBytes: number | undefined;
  /** Keys that it threw away since the servers started. */
  readonly evictedKeys: number | undefined;
}

const EVERY_MS = 10_000;

export class Watch {
  readonly #client: Client;
  readonly #report: (message: string) => void;
  readonly #timer: NodeJS.Timeout;
  #status: WatchStatus = { ready: false, usedBytes: undefined, maxBytes: undefined, evictedKeys: undefined };
  #evicting: string | undefined;
  #denied: RedisWindowsError | undefined;
  #isChecked = false;

  constructor(client: Client, { everyMs = EVERY_MS, report }: { readonly everyMs?: number; readonly report: (message: string) => void }) {
    this.#client = client;
    this.#report = report;
    // Behind a new connection there may be another server.
    client.on('close', () => {
      this.#isChecked = false;
      this.#status = { ...this.#status, ready: false };
    });
    // A refused user shows in the connection's own error: calls only find no connection.
    client.on('error', (error: Error & { lastNodeError?: unknown }) => {
      const fault = faultOf(error.lastNodeError ?? error);
      if (fault.code === 'denied') this.#denied = fault;
    });
    client.on('ready', () => {
      this.#denied = undefined;
    });
    this.#timer = setInterval(() => this.look('later').catch(() => {}), everyMs);
    this.#timer.unref();
  }

  status(): WatchStatus {
    return this.#status;
  }

  /** Resolves at once where this connection was looked at. @throws RedisWindowsError `away` while Redis would evict */
  async checked(): Promise<void> {
    if (!this.#isChecked) await this.look('later');
    if (this.#evicting !== undefined) throw new RedisWindowsError('away', this.#evicting);
  }

  /** @throws RedisWindowsError `evicts_keys` at the start; later on calls are refused until it is mended */
  async look(when: 'start' | 'later'): Promise<void> {
    if (when === 'start') await this.#connected();
    let infos: readonly ReadonlyMap<string, string>[];
    try {
      infos = await Promise.all(
        mastersOf(this.#client).map(async (master) => fieldsOf(`${await master.info('memory')}\r\n${await master.info('stats')}`)),
      );
      if (infos.length === 0) throw new Error('no node of the Cluster is known yet');
    } catch (error) {
      this.#status = { ...this.#status, ready: false };
      throw this.#denied ?? faultOf(error);
    }
    const sum = (field: string) => infos.reduce((total, info) => total + Number(info.get(field) ?? 0), 0);
    const evictedKeys = sum('evicted_keys');
    const policy = infos.map((info) => info.get('maxmemory_policy') ?? 'noeviction').find((each) => each !== 'noeviction');
    const before = this.#status.evictedKeys;
    if (before !== undefined && evictedKeys > before) {
      this.#report(
        `Redis evicted ${evictedKeys - before} keys: facts may be missing. Empty the windows' Redis, and they are rebuilt from the log.`,
      );
    }
    const evicting = policy === undefined ? undefined : `Redis would evict facts: its maxmemory-policy is ${policy}. Set it to noeviction.`;
    if (evicting !== undefined && when === 'start') throw new RedisWindowsError('evicts_keys', evicting);
    if (evicting !== undefined && this.#evicting === undefined) this.#report(evicting);
    this.#evicting = evicting;
    this.#isChecked = true;
    this.#status = { ready: evicting === undefined, usedBytes: sum('used_memory'), maxBytes: sum('maxmemory'), evictedKeys };
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The driver connects in the background: the first look waits for it to have tried. */
  #connected(): Promise<void> {
    if (this.#client.status === 'ready') return Promise.resolve();
    return new Promise((resolve) => {
      for (const event of ['ready', 'close', 'error', 'end']) this.#client.once(event, () => resolve());
    });
  }
}

/** Fields of an INFO by their names. */
export function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split('\r\n').flatMap((line) => {
      const at = line.indexOf(':');
      return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
    }),
  );
}
