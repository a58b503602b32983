import { rebuildMs } from '@idemtrace/detector';
import { formatDuration } from '@idemtrace/detector/policy';
import { LEAVES } from './leaves.ts';
import type { ConfigMistake, Origins } from './resolve.ts';
import type { Config } from './schema.ts';
import { Secret } from './secret.ts';

/** Puts the values together and checks what concerns more than one; undefined where something is wrong. */
export function assemble(
  values: ReadonlyMap<string, unknown>,
  origins: Origins,
  mistakes: ConfigMistake[],
): { readonly config: Config; readonly notes: readonly string[] } | undefined {
  checkHashKey('hashKey', values, origins, mistakes);
  checkHashKey('hashKey.previous', values, origins, mistakes);
  if (values.has('hashKey.previous.secret') && !values.has('hashKey.secret')) {
    mistakes.push({
      origin: originOf(origins, 'hashKey.previous.secret'),
      path: 'hashKey.previous',
      message: 'is set without hashKey',
      hint: 'set the key in force too',
    });
  }
  if (values.has('hashKey.id') && values.get('hashKey.id') === values.get('hashKey.previous.id')) {
    mistakes.push({
      origin: originOf(origins, 'hashKey.previous.id'),
      path: 'hashKey.previous.id',
      message: 'is the id of hashKey too',
      hint: 'give each key its own id',
    });
  }
  const retention = values.get('topics.retention');
  const length = values.get('window.length');
  if (typeof retention === 'number' && typeof length === 'number' && retention < rebuildMs(length)) {
    const message = `is shorter than the window, ${formatDuration(length)}, and an eighth: lost windows could not be rebuilt from the log`;
    mistakes.push({
      origin: originOf(origins, 'topics.retention'),
      path: 'topics.retention',
      message,
      hint: 'lengthen it, or shorten window.length',
    });
  }
  if (!values.has('intake.rate') && Object.keys(values.get('intake.tenantRates') ?? {}).length > 0) {
    mistakes.push({
      origin: originOf(origins, 'intake.tenantRates'),
      path: 'intake.tenantRates',
      message: 'is set without intake.rate',
      hint: 'set intake.rate too, for the tenants that have none of their own',
    });
  }
  const names = ['events', 'alerts', 'deadLetters'].map((name) => values.get(`topics.${name}`));
  for (const [index, name] of ['events', 'alerts', 'deadLetters'].entries()) {
    const path = `topics.${name}`;
    if (names[index] !== undefined && names.indexOf(names[index]) < index) {
      mistakes.push({
        origin: originOf(origins, path),
        path,
        message: 'names a topic that another setting names too',
        hint: 'give each topic its own name',
      });
    }
  }
  checkServices(values, origins, mistakes);
  if (mistakes.length > 0) return undefined;
  const config = freeze(nested(values)) as unknown as Config;
  return { config, notes: notesOf(config) };
}

function checkHashKey(at: string, values: ReadonlyMap<string, unknown>, origins: Origins, mistakes: ConfigMistake[]): void {
  requireTogether([`${at}.id`, `${at}.secret`], values, origins, mistakes);
}

/** Where one of these is set, all must be. */
function requireTogether(
  paths: readonly string[],
  values: ReadonlyMap<string, unknown>,
  origins: Origins,
  mistakes: ConfigMistake[],
): void {
  const set = paths.find((path) => values.has(path));
  if (set === undefined) return;
  for (const missed of paths) {
    if (values.has(missed) || mistakes.some((mistake) => mistake.path === missed)) continue;
    const variable = LEAVES.find((leaf) => leaf.path === missed)?.variable;
    mistakes.push({
      origin: originOf(origins, set),
      path: missed,
      message: `\`${missed}\` is missing, and \`${set}\` is set`,
      hint: `set ${variable} too`,
    });
  }
}

/** Settings of the services that go together, or must not. */
function checkServices(values: ReadonlyMap<string, unknown>, origins: Origins, mistakes: ConfigMistake[]): void {
  if (values.has('kafka.brokers')) requireTogether(['kafka.brokers', 'registry.url'], values, origins, mistakes);
  requireTogether(['kafka.sasl.mechanism', 'kafka.sasl.username', 'kafka.sasl.password'], values, origins, mistakes);
  for (const service of ['kafka', 'redis', 'clickhouse']) {
    requireTogether([`${service}.tls.certificate`, `${service}.tls.key`], values, origins, mistakes);
  }
  requireTogether(['redis.sentinels', 'redis.master'], values, origins, mistakes);
  const [way, ...others] = ['redis.url', 'redis.nodes', 'redis.sentinels'].filter((path) => values.has(path));
  for (const path of others) {
    mistakes.push({
      origin: originOf(origins, path),
      path,
      message: `is set beside \`${way}\``,
      hint: 'say one way to reach Redis: an address, the nodes of a Cluster, or Sentinels',
    });
  }
  const [replicas, insync] = ['kafka.replicationFactor', 'kafka.minInsyncReplicas'].map((path) => values.get(path));
  if (typeof replicas === 'number' && typeof insync === 'number' && insync > replicas) {
    mistakes.push({
      origin: originOf(origins, 'kafka.minInsyncReplicas'),
      path: 'kafka.minInsyncReplicas',
      message: `is more than kafka.replicationFactor, ${replicas}: nothing could be written`,
      hint: 'lower it',
    });
  }
}

function originOf(origins: Origins, path: string): string {
  return origins[path] ?? 'default';
}

function nested(values: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { path } of LEAVES) {
    // No hash key is no empty hash key; every other group is there, whatever of it is set.
    if (!values.has(path) && path.startsWith('hashKey.')) continue;
    const keys = path.split('.');
    let at = root;
    for (const key of keys.slice(0, -1)) {
      at[key] ??= {};
      at = at[key] as Record<string, unknown>;
    }
    if (values.has(path)) at[keys.at(-1) ?? ''] = values.get(path);
  }
  return root;
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Secret) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

/** What is allowed and worth a word at the start. */
function notesOf(config: Config): string[] {
  const notes: string[] = [];
  const { host, apiKeys } = config.intake;
  if (!isLoopback(host) && apiKeys.length > 0) {
    notes.push(
      `The intake listens on ${host}, not on loopback alone: it speaks plain HTTP, so keys and events cross the network in clear. Put TLS in front of it.`,
    );
  }
  return notes;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
