/** Operational samples into ClickHouse, beside OpenTelemetry. They are worth less than the pipeline: it neither waits for them nor fails with them. */
import type { ClickHouseClient } from '@clickhouse/client';
import { errorCodeOf } from '../sink/insert.ts';
import type { ProcessKind, SampleMetricName } from './metrics.ts';

export interface Sample {
  readonly metric: SampleMetricName;
  /** One that is no finite number is left out. */
  readonly value: number;
  /** Left out where the value is of the process as a whole. */
  readonly partition?: number;
}

export interface SampleWriterOptions {
  /** Sees the database that `migrate` has prepared. Stays the caller's to close. */
  readonly client: ClickHouseClient;
  readonly kind: ProcessKind;
  /** Tells the processes of a kind apart, and stays the same while one runs: e.g. the host's name and the process id. */
  readonly process: string;
  /** What to write: called once an interval. What it throws is counted, and the samples of that interval are missing. */
  readonly read: () => readonly Sample[] | Promise<readonly Sample[]>;
  /** Default 10 s. */
  readonly intervalMs?: number;
  /** ms since the epoch. Default: the machine's clock. */
  readonly clock?: () => number;
}

export interface SampleWriterStatus {
  readonly written: number;
  /** Samples that ClickHouse did not take: they are not tried again. */
  readonly dropped: number;
  /** Intervals without samples: `read` threw, or the interval before had not ended. */
  readonly missed: number;
  /** The latest failure: a stable code. */
  readonly lastError: string | undefined;
}

export interface SampleWriter {
  status(): SampleWriterStatus;
  /** Stops, and waits for nothing: what is under way ends with the client's own patience, or with the client. Idempotent. */
  close(): void;
}

/** Of the process as a whole. */
const NO_PARTITION = -1;
const INTERVAL_MS = 10_000;

/** Writes until it is closed. Its timer alone keeps no process alive. */
export function createSampleWriter(options: SampleWriterOptions): SampleWriter {
  const { client, kind, process, read, intervalMs = INTERVAL_MS, clock = Date.now } = options;
  const counts = { written: 0, dropped: 0, missed: 0 };
  let lastError: string | undefined;
  let running = false;
  let closed = false;

  async function write(): Promise<void> {
    let samples: readonly Sample[];
    try {
      samples = (await read()).filter(({ value }) => Number.isFinite(value));
    } catch (error) {
      counts.missed += 1;
      lastError = errorCodeOf(error);
      return;
    }
    if (closed) return;
    try {
      await insert([...samples, { metric: 'samples_dropped', value: counts.dropped }]);
      counts.written += samples.length;
    } catch (error) {
      counts.dropped += samples.length;
      lastError = errorCodeOf(error);
    }
  }

  /**
   * One at a time, so that a server that hangs costs one connection and no memory. It is not aborted: @clickhouse/client 1.23 then may close
   * that connection later, under somebody else's request.
   */
  async function insert(samples: readonly Sample[]): Promise<void> {
    const time = clock();
    await client.insert({
      table: 'operational_samples',
      columns: ['time', 'kind', 'process', 'metric', 'partition', 'value'],
      values: samples.map(({ metric, value, partition = NO_PARTITION }) => [time, kind, process, metric, partition, value]),
      format: 'JSONCompactEachRow',
      // On a cluster it is enough that the server which was asked keeps them.
      clickhouse_settings: { async_insert: 0, distributed_foreground_insert: 0 },
    });
  }

  const timer = setInterval(() => {
    if (running) {
      counts.missed += 1;
      return;
    }
    running = true;
    void write().finally(() => {
      running = false;
    });
  }, intervalMs);
  timer.unref();

  return {
    status: () => ({ ...counts, lastError }),
    close() {
      closed = true;
      clearInterval(timer);
    },
  };
}
