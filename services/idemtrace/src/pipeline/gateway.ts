/** The gateway of this process: what it appends to, and where it listens. */
import { createGateway, type Readiness, type Served, serveGateway, type TenantKey } from '@idemtrace/gateway';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import type { Logger } from './pipeline.ts';
import type { Store } from './store.ts';

export interface GatewaySetting {
  readonly store: Store;
  readonly config: Config;
  readonly keys: readonly TenantKey[];
  readonly ready: () => Promise<Readiness>;
  readonly logger: Logger;
}

export function gatewayOf({ store, config, keys, ready, logger }: GatewaySetting): ReturnType<typeof createGateway> {
  return createGateway({
    log: store.log,
    codec: store.codec,
    topic: config.topics.events,
    keys,
    ready,
    onFault: (error) => logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'the intake failed'),
  });
}

/** Listens; a port in use is told with what to do. */
export async function listening(
  app: Parameters<typeof serveGateway>[0],
  at: { readonly host: string; readonly port: number },
  what: string,
): Promise<Served> {
  try {
    return await serveGateway(app, at);
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
