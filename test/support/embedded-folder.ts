/** What is in a data folder of the embedded pipeline, once no process has it. */
import type { Alert } from '@idemtrace/schemas';
import { openStore, resolveConfig } from 'idemtrace/internal';

/** Every event and alert that the log of a data folder holds, and how many dead letters. */
export async function readFolder(folder: string) {
  const resolved = resolveConfig({ env: {}, flags: { dataDir: folder }, cwd: folder, readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  const { config } = resolved;
  const { log, codec, close } = await openStore(config);
  const identities = new Set<string>();
  for await (const record of log.tail(config.topics.events)) {
    const [decoded] = await codec.decode([record]);
    if (!decoded?.ok) throw new Error('an undecodable event');
    const { emitterId, sequence } = decoded.record.value as { emitterId: string; sequence: number };
    identities.add(`${emitterId} ${sequence}`);
  }
  const alerts: Alert[] = [];
  for await (const record of log.tail(config.topics.alerts)) {
    const [decoded] = await codec.decode([record]);
    if (decoded?.ok && decoded.record.name === 'Alert') alerts.push(decoded.record.value);
  }
  const letters = (await log.bounds(config.topics.deadLetters)).reduce((sum, { low, high }) => sum + high - low, 0);
  await close();
  return { config, identities, alerts, letters };
}

/** The last revision of each alert. */
export const current = (alerts: readonly Alert[]) =>
  [...new Map(alerts.map((alert) => [alert.alertId, `${alert.alertId} ${alert.rule} ${alert.severity} ${alert.cause}`])).values()].sort();
