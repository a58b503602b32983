/** Which process, or thread of one, reports it. */
export type Part = 'detector' | 'lineage-sink' | 'gateway';

export interface Metric {
  readonly part: Part;
  /** Counters and gauges are read when they are exported, and cost nothing in between. */
  readonly instrument: 'counter' | 'gauge' | 'histogram';
  /** As UCUM writes it. */
  readonly unit: string;
  /** Name and meaning of each. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly meaning: string;
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}
