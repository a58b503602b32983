/** Windows in Redis: shared by detectors, and there after a restart. */
import { randomBytes } from 'node:crypto';
import type { Applied, Marker, WindowBatch, WindowStore } from '../port.ts';
import { BatchWriter } from './batch-writer.ts';
import { compact } from './compact.ts';
import { type Client, connect } from './connect.ts';
import { faultOf } from './error.ts';
import { hashOf, LAYOUT_VERSION, pageNameOf } from './layout.ts';
import { Leaf } from './leaf.ts';
import type { RedisWindowsOptions } from './options.ts';
import { UnreadablePage } from './page.ts';
import { Sweeper } from './sweep.ts';
import { RedisView } from './view.ts';
import { Watch, type WatchStatus } from './watch.ts';

export interface RedisWindows extends WindowStore {
  status(): WatchStatus;
}

/**
 * Windows in the Redis that the options name. Resolves too while it is away: calls then reject with code `away` until it answers.
 *
 * @throws RedisWindowsError `denied`, or `evicts_keys` where its `maxmemory-policy` is not `noeviction`
 */
export async function connectRedisWindows(options: RedisWindowsOptions): Promise<RedisWindows> {
  const client = connect(options);
  const store = new Store(client, options);
  try {
    await store.check();
  } catch (error) {
    if (faultOf(error).code !== 'away') {
      await store.close();
      throw error;
    }
  }
  return store;
}

const SLACK_MS = 86_400_000;
const PAGE_BYTES = 16_384;

class Store implements RedisWindows {
  readonly #client: Client;
  readonly #windowMs: number;
  readonly #slackMs: number;
  readonly #pageBytes: number;
  readonly #report: (message: string) => void;
  readonly #watch: Watch;
  readonly #sweeper: Sweeper;
  readonly #writers: BatchWriter[] = [];
  /** By partition, how many keys Redis had evicted when it was last asked. */
  readonly #evicted = new Map<number, number>();
  /** By partition, pages that the last call found large. Whatever else happened in between, they are read again before they are written. */
  readonly #large = new Map<number, readonly { readonly name: string; readonly leaf: Leaf }[]>();

  constructor(client: Client, { windowMs, slackMs = SLACK_MS, pageBytes = PAGE_BYTES, watchMs, report = () => {} }: RedisWindowsOptions) {
    this.#client = client;
    this.#windowMs = windowMs;
    this.#slackMs = slackMs;
    this.#pageBytes = pageBytes;
    this.#report = report;
    this.#watch = new Watch(client, { report, ...(watchMs !== undefined && { everyMs: watchMs }) });
    this.#sweeper = new Sweeper(client);
  }

  check(): Promise<void> {
    return this.#watch.look('start');
  }

  status(): WatchStatus {
    return this.#watch.status();
  }

  async marker(partition: number, windowId: string): Promise<Marker | undefined> {
    this.#large.delete(partition);
    const fields = await this.#ask(() => this.#client.hgetall(markerOf(windowId, partition)));
    if (fields.windowId === undefined || Number(fields.layout) !== LAYOUT_VERSION) return undefined;
    const [lo, hi, committed, completeFrom] = [fields.lo, fields.hi, fields.committed, fields.completeFrom].map(Number);
    if (lo === undefined || hi === undefined || committed === undefined || completeFrom === undefined) return undefined;
    return { windowId: fields.windowId, lo, hi, committed, completeFrom };
  }

  async begin(partition: number, { windowId, lo, committed, completeFrom }: Omit<Marker, 'hi'>): Promise<void> {
    this.#large.delete(partition);
    const key = markerOf(windowId, partition);
    // Pages of another epoch are of no use from here on, at once; they are removed behind the call's back.
    const epoch = randomBytes(6).toString('base64url');
    const fields = { windowId, layout: LAYOUT_VERSION, epoch, lo, hi: lo, committed, completeFrom };
    await this.#ask(async () => {
      const answers = await this.#client.multi().del(key).hset(key, fields).pexpire(key, this.#slackMs).exec();
      for (const [error] of answers ?? []) if (error !== null) throw error;
    });
    this.#sweeper.sweep(baseOf(windowId, partition), epoch);
  }

  async apply(batch: WindowBatch): Promise<Applied> {
    if (this.#isEvicted(batch.partition)) return this.#forget(batch, 'Redis evicted keys');
    const facts = Map.groupBy(batch.facts, ({ workflow }) => workflow);
    const newest = batch.facts.reduce((time, { fact }) => Math.max(time, fact.logTime), 0);
    // Log times never fall: no record of the batch, nor of a later one, looks back beyond what its first one does.
    const oldest = (batch.facts[0]?.fact.logTime ?? 0) - this.#windowMs;
    const rewrites = this.#rewrites(batch, oldest);
    this.#large.delete(batch.partition);
    const args: (string | number | Buffer)[] = [batch.windowId, batch.from, batch.to, batch.committed];
    const life = this.#windowMs + this.#slackMs;
    args.push(life, Math.ceil(this.#windowMs + this.#slackMs / 2), this.#slackMs, this.#pageBytes, ...rewrites);
    const writer = this.#writers.pop() ?? new BatchWriter();
    writer.reset();
    for (const [workflow, placed] of facts) {
      writer.workflow(pageNameOf(workflow), placed.length);
      for (const each of placed) writer.fact(each);
    }
    args.push(writer.bytes());
    const reply = await this.#ask(() => this.#client.applyWindowBuffer(markerOf(batch.windowId, batch.partition), ...args));
    // Only now: a call that failed may be on its way still.
    this.#writers.push(writer);
    const marker = markerIn(reply, batch.windowId);
    if (marker === undefined) return { status: 'lost' };
    try {
      const leaves = this.#leavesIn(reply, batch, [...facts.keys()], { offset: batch.to, logTime: newest });
      return { status: 'applied', marker, view: new RedisView(facts, leaves, this.#windowMs) };
    } catch (error) {
      if (!(error instanceof UnreadablePage)) throw error;
      return this.#forget(batch, `a page cannot be read (${error.message})`);
    }
  }

  async close(): Promise<void> {
    this.#watch.stop();
    this.#sweeper.stop();
    this.#client.disconnect();
  }

  /** Keys were thrown away since this partition was last whole for all that is known. */
  #isEvicted(partition: number): boolean {
    const { evictedKeys = 0 } = this.#watch.status();
    const before = this.#evicted.get(partition) ?? evictedKeys;
    this.#evicted.set(partition, evictedKeys);
    return evictedKeys > before;
  }

  /** Without a marker the loop rebuilds the partition from the log. */
  async #forget({ partition, windowId }: WindowBatch, why: string): Promise<Applied> {
    this.#report(`partition ${partition}: ${why}: its window is rebuilt from the log`);
    await this.#ask(() => this.#client.del(markerOf(windowId, partition)));
    return { status: 'lost' };
  }

  #leavesIn(
    reply: readonly unknown[],
    { partition }: WindowBatch,
    workflows: readonly string[],
    near: { readonly offset: number; readonly logTime: number },
  ): ReadonlyMap<string, readonly Leaf[]> {
    const met = reply[6] as readonly (number | Buffer)[];
    const leaves = new Map<string, Leaf[]>();
    const large: { readonly name: string; readonly leaf: Leaf }[] = [];
    for (let at = 0; at < met.length; at += 4) {
      const workflow = workflows[Number(met[at]) - 1] ?? '';
      const [path, items] = [String(met[at + 1]), met[at + 2] as Buffer];
      const leaf = new Leaf({ path, items, near, windowMs: this.#windowMs });
      leaves.set(workflow, [...(leaves.get(workflow) ?? []), leaf]);
      if (met[at + 3] === 1) large.push({ name: pageNameOf(workflow), leaf });
    }
    if (large.length > 0) this.#large.set(partition, large);
    return leaves;
  }

  /** What is folded now is below what was committed since the pages were read. */
  #rewrites({ partition, committed }: WindowBatch, oldest: number): readonly (string | number | Buffer)[] {
    const rewrites = (this.#large.get(partition) ?? []).flatMap(({ name, leaf }) => {
      const rewrite = compact(leaf, { below: committed, oldest, windowMs: this.#windowMs, pageBytes: this.#pageBytes });
      if (rewrite === undefined) return [];
      const nameOf = (path: string) => (path === '' ? name : `${name}/${path}`);
      const pages = rewrite.pages.flatMap(({ path, content }) => [nameOf(path), content]);
      return [[nameOf(leaf.path), rewrite.expected, rewrite.pages.length, ...pages]];
    });
    return [rewrites.length, ...rewrites.flat()];
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      await this.#watch.checked();
      return await call();
    } catch (error) {
      throw faultOf(error);
    }
  }
}

function baseOf(windowId: string, partition: number): string {
  return `{windows-${hashOf(windowId, 6).toString('base64url')}:${partition}}`;
}

function markerOf(windowId: string, partition: number): string {
  return `${baseOf(windowId, partition)}:marker`;
}

/** Undefined: lost. */
function markerIn([status, lo, hi, committed, completeFrom]: readonly unknown[], windowId: string): Marker | undefined {
  if (status !== 1) return undefined;
  return { windowId, lo: Number(lo), hi: Number(hi), committed: Number(committed), completeFrom: Number(completeFrom) };
}
