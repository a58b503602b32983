/** What of a Redis would break the windows' promise, and how to mend it. */
import type { Redis } from 'ioredis';
import { connect, connected, mastersOf } from './connect.ts';
import { faultOf } from './error.ts';
import type { RedisWindowsOptions } from './options.ts';
import { fieldsOf } from './watch.ts';

export interface RedisFinding {
  /** `error`: something does not work, or is not held; `warning`: it works, with less than is wanted. */
  readonly severity: 'error' | 'warning';
  readonly setting: string;
  readonly actual: string;
  readonly wanted: string;
  readonly mend: string;
}

export interface RedisCheck {
  /** Of the first server; undefined where none answers. */
  readonly version: string | undefined;
  readonly findings: readonly RedisFinding[];
}

const LEAST_MAJOR = 6;

/** Looks, and changes nothing. A Redis that is away is a finding too. */
export async function checkRedis(options: Omit<RedisWindowsOptions, 'windowMs'>): Promise<RedisCheck> {
  const client = connect({ ...options, windowMs: 0 });
  try {
    await connected(client);
    const masters = mastersOf(client);
    const seen = await Promise.all(masters.map(async (master) => ({ at: addressOf(master), info: await infoOf(master) })));
    const isAlone = seen.length === 1;
    const findings = seen.flatMap(({ at, info }) => findingsOf(info, isAlone ? '' : ` of ${at}`));
    return { version: seen[0]?.info.get('redis_version'), findings };
  } catch (error) {
    const { message } = faultOf(error);
    const mend = 'Check that Redis runs, and redis.url (or nodes, sentinels), username, password and tls.';
    return { version: undefined, findings: [{ severity: 'error', setting: 'server', actual: message, wanted: 'an answer', mend }] };
  } finally {
    client.disconnect();
  }
}

function addressOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}

async function infoOf(master: Redis): Promise<ReadonlyMap<string, string>> {
  const sections = await Promise.all(['server', 'memory', 'persistence', 'stats', 'replication'].map((section) => master.info(section)));
  return fieldsOf(sections.join('\r\n'));
}

function findingsOf(info: ReadonlyMap<string, string>, of: string): readonly RedisFinding[] {
  const findings: RedisFinding[] = [];
  const version = info.get('redis_version') ?? '';
  if (Number.parseInt(version, 10) < LEAST_MAJOR) {
    findings.push({
      severity: 'error',
      setting: `version${of}`,
      actual: version,
      wanted: `${LEAST_MAJOR} or later`,
      mend: 'Upgrade Redis.',
    });
  }
  const policy = info.get('maxmemory_policy') ?? '';
  if (policy !== 'noeviction') {
    const mend = 'CONFIG SET maxmemory-policy noeviction, and in its configuration: else it throws facts away, and repeats are missed.';
    findings.push({ severity: 'error', setting: `maxmemory-policy${of}`, actual: policy, wanted: 'noeviction', mend });
  }
  if (info.get('aof_enabled') !== '1') {
    const mend =
      'CONFIG SET appendonly yes, and in its configuration: else a restart of Redis loses the windows, and they are rebuilt from the log.';
    findings.push({ severity: 'warning', setting: `appendonly${of}`, actual: 'no', wanted: 'yes', mend });
  }
  if (info.get('aof_last_write_status') === 'err') {
    const mend = 'It cannot write its append-only file, and refuses writes: free its disk, and see its log.';
    findings.push({ severity: 'error', setting: `append-only file${of}`, actual: 'cannot be written', wanted: 'written', mend });
  }
  if (info.get('role') === 'slave') {
    const mend = 'It is a replica, and takes no writes: name the master, or the Sentinels that know it.';
    findings.push({ severity: 'error', setting: `role${of}`, actual: 'replica', wanted: 'master', mend });
  }
  const evicted = Number(info.get('evicted_keys') ?? 0);
  if (evicted > 0) {
    const mend = 'It threw keys away since it started: start it again empty, and the windows are rebuilt from the log.';
    findings.push({ severity: 'error', setting: `evicted_keys${of}`, actual: String(evicted), wanted: '0', mend });
  }
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)];
  if (most > 0 && used > 0.8 * most) {
    const mend = 'Raise maxmemory, shorten window.length, or spread the windows over a Redis Cluster.';
    findings.push({
      severity: 'warning',
      setting: `used_memory${of}`,
      actual: `${Math.round((100 * used) / most)} % of maxmemory`,
      wanted: 'under 80 %',
      mend,
    });
  }
  return findings;
}
