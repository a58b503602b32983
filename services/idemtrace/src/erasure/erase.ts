/** `erase`: a tenant out of every store that idemtrace itself holds. Each step may be broken off and made again. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eraseTenant, workflowsOfTenant } from '@idemtrace/lineage';
import { type Codec, eventKey } from '@idemtrace/schemas';
import { openEmbeddedLog } from '@idemtrace/stream/embedded';
import type { Config } from '../config/index.ts';
import { CommandError } from '../output/command-error.ts';
import { logAdapter, openCodec, openLog, registryAdapter, windowsAdapter } from '../pipeline/adapters.ts';
import { keyHolder } from '../pipeline/hash-key.ts';
import { clusterOf, type LineageStore, queryLineage } from '../pipeline/lineage.ts';
import { reached } from '../pipeline/store.ts';
import { destroySalt, hasSalt } from '../pipeline/tenant-salt.ts';
import { groupsOfTopics, topicSpecs } from '../pipeline/topics.ts';
import { eraseEmbedded, eraseMasked, type LogErasure, type Progress } from './log.ts';
import type { ErasedPlace } from './proof.ts';
import { type Belongs, belongingTo, keyPrefixOf } from './tenant-records.ts';

/** Throws CommandError: `data_in_use` where another process works on an embedded log, `service_away`, `engine_unavailable`. */
export async function erase(config: Config, tenantId: string, progress: Progress): Promise<readonly ErasedPlace[]> {
  const codec = await reached(`the schema registry at ${config.registry.url}`, () => openCodec(registryAdapter(config)));
  const belongs = belongingTo(tenantId, codec);
  const lineage = await lineageOf(config);
  try {
    return await onLog(config, codec, { tenantId, belongs }, progress, async (log) => {
      const known = lineage === undefined ? [] : await workflowsOfTenant(lineage.client, tenantId);
      const workflows = new Set([...log.workflows, ...known.map((workflowId) => eventKey(tenantId, workflowId))]);
      // What is found by the workflows goes before what they are known from; the key last, so that what was broken off can be told until then.
      const windows = await eraseWindows(config, workflows, progress);
      const tables = lineage === undefined ? [] : await eraseTables(config, lineage, tenantId, belongs, progress);
      return [...(await log.finish()), windows, ...tables, eraseKeys(config, tenantId)];
    });
  } finally {
    await lineage?.close();
  }
}

/** Undefined where there is none: no server is configured, and the folder has none. */
async function lineageOf(config: Config): Promise<LineageStore | undefined> {
  const isServer = config.clickhouse.url !== undefined;
  if (!isServer && !existsSync(join(config.dataDir, 'lineage'))) return undefined;
  // That the lineage is off now says nothing of what was stored before.
  return queryLineage({ ...config, lineage: { ...config.lineage, mode: 'on' } });
}

/** Begins the erasure of the log, and keeps the log open while `work` goes on. */
async function onLog<T>(
  config: Config,
  codec: Codec,
  tenant: { readonly tenantId: string; readonly belongs: Belongs },
  progress: Progress,
  work: (log: LogErasure) => Promise<T>,
): Promise<T> {
  const adapter = logAdapter(config, false);
  if (adapter.kind === 'kafka') {
    // The log as it is: masked, nothing of an earlier erasure could be told.
    const log = await reached(`Kafka at ${config.kafka.brokers?.join(', ')}`, () => openLog(adapter));
    try {
      return await work(await eraseMasked(log, config, tenant, progress));
    } finally {
      await log.close();
    }
  }
  const log = await openEmbeddedLog(adapter);
  try {
    await log.createTopics(topicSpecs(config), groupsOfTopics(config));
    if (await log.isConsumed()) {
      const text = `Another process works on the data folder ${config.dataDir}, and holds windows in its memory: stop it, then erase.`;
      throw new CommandError('data_in_use', text);
    }
    return await work(await eraseEmbedded(log, codec, config, tenant.belongs, progress));
  } finally {
    await log.close();
  }
}

async function eraseWindows(config: Config, workflows: ReadonlySet<string>, progress: Progress): Promise<ErasedPlace> {
  const adapter = windowsAdapter(config);
  if (adapter.kind === 'memory') {
    const note = 'in the memory of processes, and rebuilt from the log at every start';
    return { store: 'windows', place: 'memory', found: 0, removed: 0, left: 0, note };
  }
  const { eraseRedisWindows } = await import('@idemtrace/detector/redis');
  const { found, left, appendOnlyFile } = await eraseRedisWindows(adapter.options, workflows, (looked) =>
    progress(`windows: ${looked} keys of Redis looked at`),
  );
  return { store: 'windows', place: 'Redis', found, removed: found - left, left, ...(left === 0 && noteOf(appendOnlyFile)) };
}

function noteOf(file: 'rewritten' | 'none' | 'refused' | 'under way'): { readonly note?: string } {
  switch (file) {
    case 'rewritten':
      return { note: 'its append-only file was written anew' };
    case 'none':
      return {};
    case 'refused':
      return { note: 'its append-only file holds them until it is next written anew: run BGREWRITEAOF' };
    case 'under way':
      return { note: 'its append-only file is still being written anew: run BGREWRITEAOF once that is over' };
  }
}

async function eraseTables(
  config: Config,
  lineage: LineageStore,
  tenantId: string,
  belongs: Belongs,
  progress: Progress,
): Promise<readonly ErasedPlace[]> {
  const isServer = config.clickhouse.url !== undefined;
  const tables = await eraseTenant(lineage.client, {
    tenantId,
    keyPrefix: keyPrefixOf(tenantId).toString(),
    belongs,
    cluster: clusterOf(config),
    copies: !isServer,
    onTable: (table) => progress(`lineage: ${table}`),
  });
  const note = noteOfServer(tables);
  return tables.map(({ table, found, removed, left }) => {
    const isTold = isServer && note !== undefined && left === 0;
    return { store: 'lineage', place: table, found, removed, left, ...(isTold && { note }) };
  });
}

/** Row policies fail closed: a user that sees no row finds none to delete, and that must not pass for a proof. */
function noteOfServer(tables: readonly { readonly found: number }[]): string | undefined {
  return tables.some(({ found }) => found > 0)
    ? 'files of the old parts go within old_parts_lifetime, 8 minutes by default'
    : 'no row was seen: erase as a user that sees every tenant’s rows and may alter tables, not as the migrator';
}

function eraseKeys(config: Config, tenantId: string): ErasedPlace {
  const place = (found: number, left: number, note?: string): ErasedPlace => {
    return { store: 'hash keys', place: 'data folder', found, removed: found - left, left, ...(note !== undefined && { note }) };
  };
  switch (keyHolder(config)) {
    case 'none':
      return place(0, 0);
    case 'salt of the tenant': {
      const found = hasSalt(config.dataDir, tenantId) ? 1 : 0;
      destroySalt(config.dataDir, tenantId);
      return place(found, hasSalt(config.dataDir, tenantId) ? 1 : 0);
    }
    case 'secret of the folder':
      return place(
        1,
        1,
        'one secret for all tenants, made by 0.1.0: who has hash-key.json can still compute digests, of which none is left here',
      );
    case 'configuration':
      return place(0, 0, 'the secret is configured, and its holder’s to destroy: give agents a salt for each tenant (HashKeyPair.salt)');
  }
}
