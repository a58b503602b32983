/** Instruments of the table of metrics. */
import type { Attributes, Meter } from '@opentelemetry/api';
import type { Metric, Part } from './metric.ts';
import { type AttributesOf, METRICS, type MetricName, type ReadMetric, type RecordedMetric } from './metrics.ts';

export interface Observation<N extends MetricName> {
  readonly value: number;
  readonly attributes: AttributesOf<N>;
}

/** A number, where a metric has no attributes; undefined where there is nothing to say now. */
type Reading<N extends MetricName> = readonly Observation<N>[] | (keyof AttributesOf<N> extends never ? number : never) | undefined;

/** How each counter and gauge of a part is read. One that throws or rejects says nothing this time. */
export type Readers<P extends Part> = { readonly [N in ReadMetric<P>]: () => Reading<N> | Promise<Reading<N>> };

const metric = (name: MetricName): Metric => METRICS[name];

/** From now on reads counters and gauges whenever they are exported. */
export function observe<P extends Part>(meter: Meter, readers: Readers<P>): void {
  for (const [name, read] of Object.entries(readers) as [MetricName, () => Reading<MetricName> | Promise<Reading<MetricName>>][]) {
    const { instrument, unit, meaning } = metric(name);
    const options = { unit, description: meaning };
    const observable = instrument === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
    observable.addCallback(async (result) => {
      const reading = await Promise.resolve()
        .then(read)
        .catch(() => undefined);
      if (typeof reading === 'number') result.observe(reading);
      else for (const { value, attributes } of reading ?? []) result.observe(value, attributes);
    });
  }
}

export type Recorders<P extends Part> = { readonly [N in RecordedMetric<P>]: (value: number, attributes: AttributesOf<N>) => void };

/** The histograms of a part. */
export function recorders<P extends Part>(meter: Meter, part: P): Recorders<P> {
  const made = Object.entries<Metric>(METRICS)
    .filter(([, { instrument, part: of }]) => instrument === 'histogram' && of === part)
    .map(([name, { unit, meaning, buckets = [] }]) => {
      const histogram = meter.createHistogram(name, { unit, description: meaning, advice: { explicitBucketBoundaries: [...buckets] } });
      return [name, (value: number, attributes: Attributes) => histogram.record(value, attributes)];
    });
  return Object.fromEntries(made) as Recorders<P>;
}
