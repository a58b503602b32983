/** The gateway of this process: what it appends to, and where it listens. */
import { createGateway, type Gateway, type Readiness, type Served, serveGateway, type TenantKey } from '@idemtrace/gateway';
import type { LineageAddress } from '@idemtrace/lineage';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { startTelemetry } from '../telemetry/index.ts';
import type { Logger } from './pipeline.ts';
import { startSamples } from './running.ts';
import type { Store } from './store.ts';

export interface GatewaySetting {
  readonly store: Store;
  readonly config: Config;
  readonly keys: readonly TenantKey[];
  readonly ready: () => Promise<Readiness>;
  readonly logger: Logger;
  /** Where operational samples go, if anywhere. */
  readonly samples: LineageAddress | undefined;
}

export interface RunningGateway {
  readonly gateway: Gateway;
  /** Of its measures: to be called once it answers no more. */
  close(): Promise<void>;
}

export async function gatewayOf({ store, config, keys, ready, logger, samples: address }: GatewaySetting): Promise<RunningGateway> {
  const telemetry = await startTelemetry({ part: 'gateway', env: process.env, logger });
  const measures = telemetry?.gateway();
  const gateway = createGateway({
    log: store.log,
    codec: store.codec,
    topic: config.topics.events,
    keys,
    ready,
    ...rateOf(config),
    ...(measures !== undefined && { onRequest: measures.onRequest }),
    onFault: (error, requestId) => logger.error({ error: error instanceof Error ? error.name : 'unknown', requestId }, 'the intake failed'),
  });
  measures?.read(() => gateway.status());
  const samples = startSamples(address, 'gateway', async () => {
    const { requests, events } = gateway.status().counters;
    const refused = Object.entries(requests).reduce((sum, [status, count]) => (Number(status) >= 400 ? sum + count : sum), 0);
    return [
      { metric: 'events_accepted', value: events },
      { metric: 'requests_refused', value: refused },
    ];
  });
  return {
    gateway,
    async close() {
      await samples?.close();
      await telemetry?.shutdown();
    },
  };
}

function rateOf({ intake: { rate, tenantRates } }: Config) {
  if (rate === undefined) return {};
  const tenants = new Map(Object.entries(tenantRates).map(([tenantId, eventsPerSecond]) => [tenantId, { eventsPerSecond }]));
  return { rate: { eventsPerSecond: rate, tenants } };
}

/** Listens; a port in use is told with what to do. */
export async function listening(
  app: Parameters<typeof serveGateway>[0],
  at: { readonly host: string; readonly port: number; readonly notice?: number },
  what: string,
): Promise<Served> {
  try {
    const { host, port, notice } = at;
    return await serveGateway(app, { host, port, ...(notice !== undefined && { noticeMs: notice }) });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' ? 'the port is in use' : String(error);
    throw new CommandError(
      'data_in_use',
      `${what} cannot listen on ${at.host}:${at.port}: ${reason}. Choose another: 0 takes a free one.`,
      {
        cause: error,
      },
    );
  }
}
