/** What becomes of alerts when something fails between the log and the handler, without a log. */
import { createCodec, eventKey, fileRegistry, RegistryError } from '@idemtrace/schemas';
import { type Batch, type CommitResult, LogError, type OwnedPartition, type TakeOver } from '@idemtrace/stream';
import { expect, test } from 'vitest';
import { Delivery, type Handling } from '../src/alerts/delivery.ts';
import { alertOf } from './kafka-world.ts';

const codec = await createCodec({ registry: fileRegistry() });

/** Three alerts, at offsets 10, 11 and 12, a control record at 13. */
const alerts = [alertOf(), alertOf(), alertOf()];
const batch: Batch = {
  from: 10,
  to: 14,
  records: alerts.map((alert, index) => ({
    topic: 'alerts',
    partition: 0,
    offset: 10 + index,
    logTime: 1,
    key: Buffer.from(eventKey(alert.tenantId, alert.workflowId)),
    value: codec.encode('Alert', alert),
    headers: {},
  })),
};

interface Told {
  readonly partition: OwnedPartition;
  readonly commits: number[];
  readonly seeks: number[];
}

function partitionOf(answers: {
  readonly takeOver?: () => Promise<TakeOver>;
  readonly heartbeat?: () => Promise<void>;
  readonly commit?: (next: number) => Promise<CommitResult>;
}): Told {
  const [commits, seeks]: [number[], number[]] = [[], []];
  const partition: OwnedPartition = {
    topic: 'alerts',
    partition: 0,
    generation: 1,
    takeOver: answers.takeOver ?? (async () => ({ committed: 10, low: 0, high: 14 })),
    offsetAt: async () => 0,
    seek: (offset) => void seeks.push(offset),
    heartbeat: answers.heartbeat ?? (async () => undefined),
    async commit(next) {
      commits.push(next);
      return answers.commit?.(next) ?? 'committed';
    },
  };
  return { partition, commits, seeks };
}

function deliveryOf(handling: Partial<Handling> = {}, decoding = codec) {
  const handled: number[] = [];
  const delivery = new Delivery(decoding, {
    handle: ({ alertId }) => void handled.push(10 + alerts.findIndex((alert) => alert.alertId === alertId)),
    attempts: Number.POSITIVE_INFINITY,
    minSeverity: 'warning',
    onInvalid: () => undefined,
    warn: () => undefined,
    ...handling,
  });
  return { delivery, handled };
}

test('the group is moved behind each alert, and at last behind the batch', async () => {
  const { partition, commits, seeks } = partitionOf({});
  const { delivery, handled } = deliveryOf();
  await delivery.deliver(partition, batch);
  expect({ handled, commits, seeks }).toEqual({ handled: [10, 11, 12], commits: [11, 12, 13, 14], seeks: [] });
});

test('what the owner before has done since is not done again', async () => {
  const { partition, seeks } = partitionOf({ takeOver: async () => ({ committed: 12, low: 0, high: 14 }) });
  const { delivery, handled } = deliveryOf();
  await delivery.deliver(partition, batch);
  expect({ handled, seeks }).toEqual({ handled: [], seeks: [12] });
});

test('a commit that cannot be written now stops nothing, one that is refused leaves the rest to the owner', async () => {
  const away = partitionOf({ commit: () => Promise.reject(new LogError('log_away', 'away')) });
  const first = deliveryOf();
  await first.delivery.deliver(away.partition, batch);
  expect(first.handled).toEqual([10, 11, 12]);
  const fenced = partitionOf({ commit: async (next) => (next === 12 ? 'fenced' : 'committed') });
  const second = deliveryOf();
  await second.delivery.deliver(fenced.partition, batch);
  expect({ handled: second.handled, seeks: fenced.seeks }).toEqual({ handled: [10, 11], seeks: [12] });
});

test('a handler that fails is not called again once the partition is lost, and its alert is not passed over', async () => {
  let calls = 0;
  const lost = partitionOf({ heartbeat: () => Promise.reject(new LogError('fenced', 'another member has it')) });
  const { delivery } = deliveryOf({
    handle: () => {
      calls++;
      throw new Error('no');
    },
  });
  await delivery.deliver(lost.partition, batch);
  expect(calls).toBeGreaterThan(0);
  expect({ commits: lost.commits, seeks: lost.seeks }).toEqual({ commits: [], seeks: [10] });
});

test('a log and a registry that are away are waited for, told once, with signs of life', async () => {
  const failures: Error[] = [new LogError('log_away', 'no broker'), new LogError('log_away', 'no broker')];
  const unread: Error[] = [
    new RegistryError('away', 'no registry'),
    new RegistryError('away', 'no registry'),
    new RegistryError('away', 'none'),
  ];
  let beats = 0;
  const { partition } = partitionOf({
    async takeOver() {
      const failure = failures.pop();
      if (failure !== undefined) throw failure;
      return { committed: 10, low: 0, high: 14 };
    },
    async heartbeat() {
      beats++;
    },
  });
  const warnings: string[] = [];
  const waiting = deliveryOf(
    { warn: (message) => void warnings.push(message) },
    {
      ...codec,
      async decode(records) {
        const failure = unread.pop();
        if (failure !== undefined) throw failure;
        return codec.decode(records);
      },
    },
  );
  await waiting.delivery.deliver(partition, batch);
  expect(waiting.handled).toEqual([10, 11, 12]);
  expect(warnings).toEqual([expect.stringContaining('no broker'), expect.stringContaining('none')]);
  expect(beats).toBeGreaterThan(0);
});

test('a registry that refuses this subscriber ends the subscription', async () => {
  const refusing = { ...codec, decode: () => Promise.reject(new RegistryError('not_allowed', 'no')) };
  const { delivery } = deliveryOf({}, refusing);
  await expect(delivery.deliver(partitionOf({}).partition, batch)).rejects.toMatchObject({ code: 'not_allowed' });
});
