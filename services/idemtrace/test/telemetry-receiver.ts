/** A collector of OTLP over HTTP, as JSON: what was exported to it, in a form that tests compare. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number };
}
interface Point {
  readonly attributes?: readonly KeyValue[];
  readonly asInt?: number | string;
  readonly asDouble?: number;
  readonly count?: number | string;
  readonly sum?: number;
}
interface OtlpMetric {
  readonly name: string;
  readonly unit?: string;
  readonly description?: string;
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic: boolean };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}
interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes?: readonly KeyValue[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}
interface Resource {
  readonly attributes: readonly KeyValue[];
}

export interface ReceivedMetric {
  readonly instrument: 'counter' | 'gauge' | 'histogram';
  readonly unit: string;
  readonly description: string;
  /** The value that was received last (a histogram's count), by attributes. */
  readonly points: ReadonlyMap<string, { readonly attributes: Readonly<Record<string, unknown>>; readonly value: number }>;
}

export type ReceivedSpan = Omit<OtlpSpan, 'attributes'> & { readonly attributes: Readonly<Record<string, unknown>> };

export interface Receiver {
  readonly url: string;
  readonly metrics: ReadonlyMap<string, ReceivedMetric>;
  readonly spans: readonly ReceivedSpan[];
  readonly services: ReadonlySet<unknown>;
  /** Names of all attributes of resources. */
  readonly resourceAttributes: ReadonlySet<string>;
  /** Everything that was received, as text. */
  readonly text: () => string;
  close(): void;
}

export async function startReceiver(): Promise<Receiver> {
  const metrics = new Map<string, ReceivedMetric>();
  const spans: ReceivedSpan[] = [];
  const services = new Set<unknown>();
  const resourceAttributes = new Set<string>();
  let text = '';

  function take({ attributes }: Resource): void {
    for (const [key, value] of Object.entries(objectOf(attributes))) {
      resourceAttributes.add(key);
      if (key === 'service.name') services.add(value);
    }
  }

  function takeMetric({ name, unit = '', description = '', sum, gauge, histogram }: OtlpMetric): void {
    const instrument = sum !== undefined ? 'counter' : gauge !== undefined ? 'gauge' : 'histogram';
    const points = new Map(metrics.get(name)?.points);
    for (const { attributes = [], asInt, asDouble, count } of (sum ?? gauge ?? histogram)?.dataPoints ?? []) {
      const named = objectOf(attributes);
      points.set(JSON.stringify(named), { attributes: named, value: Number(asInt ?? asDouble ?? count) });
    }
    metrics.set(name, { instrument, unit, description, points });
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
      text += body;
      const { resourceMetrics = [], resourceSpans = [] } = JSON.parse(body) as {
        readonly resourceMetrics?: readonly {
          readonly resource: Resource;
          readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
        }[];
        readonly resourceSpans?: readonly {
          readonly resource: Resource;
          readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
        }[];
      };
      for (const { resource, scopeMetrics } of resourceMetrics) {
        take(resource);
        for (const each of scopeMetrics.flatMap((scope) => scope.metrics)) takeMetric(each);
      }
      for (const { resource, scopeSpans } of resourceSpans) {
        take(resource);
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...span, attributes: objectOf(span.attributes ?? []) });
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    metrics,
    spans,
    services,
    resourceAttributes,
    text: () => text,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function objectOf(attributes: readonly KeyValue[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? doubleValue : Number(intValue)),
    ]),
  );
}

/** Puts the standard variables into the environment, where the SDK reads them; answers what takes them out again. */
export function withVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = { ...process.env };
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  Object.assign(process.env, variables);
  return () => {
    for (const name of Object.keys(variables)) delete process.env[name];
    Object.assign(process.env, before);
  };
}
