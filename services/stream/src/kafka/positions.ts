/** Questions about positions: where partitions begin and end, and where groups stand. */
import type { Connection } from './connection.ts';

export interface Bounds {
  readonly low: number;
  /** Offset after the last record that no open transaction holds back. */
  readonly high: number;
}

export async function boundsOf(connection: Connection, topic: string, partitions: readonly number[]): Promise<ReadonlyMap<number, Bounds>> {
  const asked = { topic, partitions: partitions.map((partition) => ({ partition })) };
  return connection.run(`Offsets of topic ${topic}`, async (cluster) => {
    await cluster.addTargetTopic(topic);
    const [low, high] = await Promise.all(
      [true, false].map(async (fromBeginning) => {
        const [answer] = await cluster.fetchTopicsOffset([{ ...asked, fromBeginning }]);
        return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
      }),
    );
    return new Map(
      partitions.map((partition) => [partition, { low: given(low, topic, partition), high: given(high, topic, partition) }] as const),
    );
  });
}

/** First offset of each partition whose log time is at or after the given one, the end where there is none. */
export async function offsetsAt(
  connection: Connection,
  topic: string,
  partitions: readonly number[],
  logTime: number,
): Promise<ReadonlyMap<number, number>> {
  const bounds = await boundsOf(connection, topic, partitions);
  // Negative times ask for the first and the last offset in Kafka's protocol.
  const fromTimestamp = Math.max(0, Math.ceil(logTime));
  const asked = { topic, partitions: partitions.map((partition) => ({ partition })), fromTimestamp };
  const found = await connection.run(`Offsets at a time of topic ${topic}`, async (cluster) => {
    await cluster.addTargetTopic(topic);
    const [answer] = await cluster.fetchTopicsOffset([asked]);
    return new Map(answer?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  });
  return new Map(
    partitions.map((partition) => {
      const offset = found.get(partition) ?? -1;
      return [partition, offset < 0 ? given(bounds, topic, partition).high : offset] as const;
    }),
  );
}

export async function offsetAt(connection: Connection, topic: string, partition: number, logTime: number): Promise<number> {
  return given(await offsetsAt(connection, topic, [partition], logTime), topic, partition);
}

/** Next offsets that a group has committed, by partition; no entry where it never did. */
export async function committedOf(
  connection: Connection,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const topics = [{ topic, partitions: partitions.map((partition) => ({ partition })) }];
  return connection.run(`Committed offsets of group ${group}`, async (cluster) => {
    const coordinator = await cluster.findGroupCoordinator({ groupId: group });
    const { responses } = await coordinator.offsetFetch({ groupId: group, topics });
    const answered = responses.find((response) => response.topic === topic)?.partitions ?? [];
    return new Map(answered.map(({ partition, offset }) => [partition, Number(offset)] as const).filter(([, offset]) => offset >= 0));
  });
}

function given<T>(answers: ReadonlyMap<number, T> | undefined, topic: string, partition: number): T {
  const answer = answers?.get(partition);
  if (answer === undefined) throw new Error(`The cluster did not answer for partition ${partition} of topic ${topic}.`);
  return answer;
}
