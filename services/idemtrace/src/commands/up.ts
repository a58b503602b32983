/** `idemtrace up`: everything embedded, with an intake for agents on this machine. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGateway, type Served, serveGateway, type TenantKey } from '@idemtrace/gateway';
import type { Config } from '../config/index.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { type Logger, openPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

export interface UpOptions extends CommonOptions {
  readonly port?: string;
}

export async function upCommand(context: Context, options: UpOptions): Promise<number> {
  const { screen, signal } = context;
  const { config, logger } = configure(context, options, { 'intake.port': options.port });
  // A policy with mistakes is told before anything starts.
  openPolicy(config.policy);
  const pipeline = await openPipeline({ config, logger });
  try {
    const keys = tenantKeys(config);
    const served = await listen(pipeline, config, keys.keys, logger);
    screen.print(`idemtrace is up. Data: ${config.dataDir}. Policy: ${config.policy ?? 'none (classes come from code or are inferred)'}.`);
    screen.print(`Intake: ${served.url}/v1/events, for ${keys.keys.map(({ tenantId }) => tenantId).join(', ')}.`);
    if (keys.madeAt !== undefined)
      screen.print(`No keys are configured (intake.apiKeys): the key of tenant ${LOCAL_TENANT} is in ${keys.madeAt}.`);
    screen.print(pipeline.lineage.on ? 'Lineage: on.' : `Lineage: off. ${pipeline.lineage.why}`);
    screen.print('Alerts: idemtrace alerts --follow, in another terminal. Ctrl-C ends it.');
    try {
      await Promise.race([pipeline.failed, aborted(signal)]);
    } finally {
      await served.close();
    }
    screen.print('Ending: judging what is in the log.');
    await pipeline.drained();
    return EXIT.ok;
  } finally {
    await pipeline.close();
  }
}

const LOCAL_TENANT = 'local';

/** The configured keys, else one for a tenant of this machine, minted once and readable by its owner alone. */
function tenantKeys({ intake, dataDir }: Config): { readonly keys: readonly TenantKey[]; readonly madeAt?: string } {
  if (intake.apiKeys.length > 0) return { keys: intake.apiKeys.map(({ key, tenantId }) => ({ key: key.reveal(), tenantId })) };
  const madeAt = join(dataDir, 'intake-key');
  mkdirSync(dataDir, { recursive: true });
  try {
    writeFileSync(madeAt, `${randomBytes(24).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return { keys: [{ key: readFileSync(madeAt, 'utf8').trim(), tenantId: LOCAL_TENANT }], madeAt };
}

async function listen(pipeline: Pipeline, config: Config, keys: readonly TenantKey[], logger: Logger): Promise<Served> {
  const { host, port } = config.intake;
  const app = createGateway({
    log: pipeline.store.log,
    codec: pipeline.store.codec,
    topic: config.topics.events,
    keys,
    ready: () => pipeline.detector.status(),
    onFault: (error) => logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'the intake failed'),
  });
  try {
    return await serveGateway(app, { host, port });
  } catch (error) {
    const reason = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' ? 'the port is in use' : String(error);
    throw new CommandError(
      'data_in_use',
      `The intake cannot listen on ${host}:${port}: ${reason}. Choose another: --port 0 takes a free one.`,
      { cause: error },
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
