/** A detector that is stopped in the middle of its work: what it has read is committed, and its successor judges nothing of it again. */
import { readFileSync } from 'node:fs';
import { type Detector, MemoryWindows, startDetector } from '@idemtrace/detector';
import { readPolicy } from '@idemtrace/detector/policy';
import { sharedKafka, sharedRegistry } from '@idemtrace/local-services/testing';
import { PolicyLookup } from '@idemtrace/schemas';
import type { BatchHandler, EventLog, OwnedPartition } from '@idemtrace/stream';
import { COMPANY_POLICY, type Config, openStore, type Store, writeCompany } from 'idemtrace/internal';
import { expect, onTestFinished, test, vi } from 'vitest';
import { append, configOf, deploymentOn, type Environment, eventsOf, outcomeOf } from '../support/pipeline.ts';
import { run, temporaryFolder } from '../support/program.ts';

interface Span {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** What a detector did with the batches that it was handed. */
interface Watched {
  readonly log: EventLog;
  /** Handed on by the log, and neither given back (a take-over, a seek) nor committed yet. */
  readonly open: Set<Span>;
  readonly committed: Span[];
}

/** The log, with what its subscriber judges and commits written down; below `judged` it only reads again. `onCommit` is told how many there are. */
function watching(log: EventLog, judged: readonly (number | undefined)[], onCommit: (commits: number) => void): Watched {
  const open = new Set<Span>();
  const committed: Span[] = [];
  const watched =
    (handler: BatchHandler): BatchHandler =>
    async (partition, batch) => {
      const span = { partition: partition.partition, from: batch.from, to: batch.to };
      open.add(span);
      const { topic, partition: number, generation } = partition;
      const owned: OwnedPartition = {
        topic,
        partition: number,
        generation,
        takeOver: () => partition.takeOver(),
        offsetAt: (time) => partition.offsetAt(time),
        heartbeat: () => partition.heartbeat(),
        seek(offset) {
          open.delete(span);
          partition.seek(offset);
        },
        async commit(next, outputs) {
          onCommit(committed.length);
          const result = await partition.commit(next, outputs);
          if (result !== 'committed') return result;
          open.delete(span);
          committed.push({ partition: number, from: Math.max(span.from, judged[number] ?? 0), to: next });
          return result;
        },
      };
      await handler(owned, batch);
    };
  const proxy = new Proxy(log, {
    get(target, name) {
      if (name === 'subscribe') return ((options, handler) => target.subscribe(options, watched(handler))) satisfies EventLog['subscribe'];
      return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name);
    },
  });
  return { log: proxy, open, committed };
}

const read = readPolicy(readFileSync(COMPANY_POLICY, 'utf8'));
if (!read.ok) throw new Error('bad policy');
const policy = new PolicyLookup(read.policy);

function detectorOn({ codec }: Store, log: EventLog, { topics, groups, window }: Config): Promise<Detector> {
  const windows = new MemoryWindows({ windowMs: window.length });
  return startDetector({
    log,
    codec,
    windows,
    policy: () => policy,
    topics,
    group: groups.detector,
    windowMs: window.length,
    maxRecords: 20,
  });
}

async function deployed(kind: 'embedded' | 'Kafka', folder: string): Promise<Config> {
  const embedded: Environment = { IDEMTRACE_LINEAGE_MODE: 'off', IDEMTRACE_DATA_DIR: 'data' };
  if (kind === 'embedded') return configOf(embedded, folder);
  const [kafka, registry] = await Promise.all([sharedKafka(), sharedRegistry()]);
  const { IDEMTRACE_REDIS_URL: _, ...env } = deploymentOn({ brokers: kafka.brokers, registryUrl: registry.url, redisUrl: '' });
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  return configOf(env, folder);
}

/** Sorted by partition and offset: each begins where the one before ends, and a partition's first at 0. */
function seams(spans: readonly Span[]): readonly string[] {
  const sorted = spans.toSorted((a, b) => a.partition - b.partition || a.from - b.from);
  return sorted.flatMap((span, index) => {
    const before = sorted[index - 1];
    const end = before?.partition === span.partition ? before.to : 0;
    return span.from === end ? [] : [`partition ${span.partition}: from ${span.from} after ${end}`];
  });
}

test.each(['embedded', 'Kafka'] as const)(
  'W3, W4: a detector stopped under load commits what it has read, and nothing of it is judged twice (%s)',
  async (kind) => {
    const folder = await temporaryFolder();
    const config = await deployed(kind, folder);
    const { calls } = await writeCompany(46, folder);
    const events = await eventsOf(calls);
    await append(config, events);
    const store = await openStore(config);
    onTestFinished(() => store.close());

    // Asked to end within a commit, while others are under way and most of the log is still to be read.
    const stopped = Promise.withResolvers<void>();
    let detector: Detector | undefined;
    const first = watching(store.log, [], (commits) => {
      if (commits < 5 || detector === undefined) return;
      detector.close().then(stopped.resolve, stopped.reject);
      detector = undefined;
    });
    const running = await detectorOn(store, first.log, config);
    detector = running;
    await stopped.promise;
    await running.done;
    expect([...first.open]).toEqual([]);
    const ends = (await store.log.bounds(config.topics.events)).map(({ high }) => high);
    const reached = ends.map((_, partition) =>
      Math.max(0, ...first.committed.flatMap((span) => (span.partition === partition ? span.to : []))),
    );
    // A cluster answers a commit before whoever asks for the group's offsets sees it.
    const committed = await vi.waitFor(
      async () => {
        const offsets = await store.log.committed(config.topics.events, config.groups.detector);
        expect(offsets).toEqual(reached);
        return offsets;
      },
      { timeout: 60_000, interval: 50 },
    );
    expect(reached.reduce((sum, offset) => sum + offset, 0)).toBeLessThan(ends.reduce((sum, offset) => sum + offset, 0));

    const second = watching(store.log, committed, () => {});
    const successor = await detectorOn(store, second.log, config);
    const { alerts, revisions } = await outcomeOf(config);
    await successor.close();
    // Every record in one commit of one of the two.
    const spans = [...first.committed, ...second.committed];
    expect(seams(spans)).toEqual([]);
    expect(spans.reduce((sum, { from, to }) => sum + to - from, 0)).toBe(events.length);
    expect(successor.status().counters.events).toBe(spans.slice(first.committed.length).reduce((sum, { from, to }) => sum + to - from, 0));
    expect(new Set(revisions).size).toBe(revisions.length);
    expect(alerts.size).toBeGreaterThan(100);
  },
  240_000,
);
