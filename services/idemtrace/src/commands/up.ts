/** `idemtrace up`: everything embedded, with an intake for agents on this machine. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TenantKey } from '@idemtrace/gateway';
import type { Config } from '../config/index.ts';
import { EXIT } from '../output/command-error.ts';
import { gatewayOf, listening } from '../pipeline/gateway.ts';
import { openPipeline } from '../pipeline/pipeline.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { aborted, type CommonOptions, type Context, configure } from './context.ts';

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
    const { store, lineage, detector } = pipeline;
    const samples = lineage.on ? lineage.store.address : undefined;
    const intake = await gatewayOf({ store, config, keys: keys.keys, logger, ready: () => detector.status(), samples });
    const served = await listening(intake.gateway, config.intake, 'The intake');
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
      await intake.close();
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
