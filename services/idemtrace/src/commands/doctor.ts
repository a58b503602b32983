/** `idemtrace doctor`: what would keep the promise from being held, and how to mend it. */
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatMistakes, readPolicy } from '@idemtrace/detector/policy';
import type { Config } from '../config/index.ts';
import { EXIT } from '../output/command-error.ts';
import { lagOf } from '../pipeline/lag.ts';
import { queryLineage } from '../pipeline/lineage.ts';
import { openStore, type Store } from '../pipeline/store.ts';
import { type CommonOptions, type Context, configure } from './context.ts';
import { type Check, checkLine } from './doctor-check.ts';

const LEAST_FREE_BYTES = 1024 ** 3;

export async function doctorCommand(context: Context, options: CommonOptions): Promise<number> {
  const { screen } = context;
  const { config } = configure(context, options);
  const checks = [
    checkNode(),
    checkPolicy(config),
    checkHashKey(config),
    checkIntake(config),
    ...(config.kafka.brokers === undefined ? await checkEmbedded(config) : await servicesOf(config)),
  ];
  if (options.json === true) screen.print(JSON.stringify({ checks }));
  else for (const check of checks) screen.print(checkLine(check, screen.color));
  return checks.some(({ verdict }) => verdict === 'fail') ? EXIT.findings : EXIT.ok;
}

async function checkEmbedded(config: Config): Promise<readonly Check[]> {
  return [...(await checkFolder(config)), await checkLineage(config)];
}

async function servicesOf(config: Config): Promise<readonly Check[]> {
  const { checkServices } = await import('./doctor-services.ts');
  return checkServices(config);
}

function checkNode(): Check {
  return {
    name: 'Node',
    verdict: 'pass',
    found: `${process.version} on ${process.platform} ${process.arch}, SQLite ${process.versions.sqlite}`,
  };
}

function checkPolicy({ policy }: Config): Check {
  const name = 'policy';
  if (policy === undefined) {
    const mend = 'Write one, and name it with --policy or IDEMTRACE_POLICY: inferred classes yield warning at most.';
    return { name, verdict: 'warn', found: 'none: effect classes come from code or are inferred', mend };
  }
  try {
    const text = readFileSync(policy, 'utf8');
    const result = readPolicy(text);
    if (result.ok) return { name, verdict: 'pass', found: `${policy}, version ${result.policy.version}` };
    return {
      name,
      verdict: 'fail',
      found: `${policy} has mistakes`,
      mend: formatMistakes(policy, text, result.mistakes).replaceAll('\n', '\n      '),
    };
  } catch (error) {
    return { name, verdict: 'fail', found: `${policy} cannot be read`, mend: error instanceof Error ? error.message : String(error) };
  }
}

function checkHashKey({ hashKey, dataDir }: Config): Check {
  const name = 'hash key';
  if (hashKey !== undefined) {
    const rotation =
      hashKey.previous === undefined ? '' : `, with ${hashKey.previous.id} before it (being rotated: keep both for a window)`;
    return { name, verdict: 'pass', found: `configured, id ${hashKey.id}${rotation}` };
  }
  const path = join(dataDir, 'hash-key.json');
  if (!existsSync(path)) return { name, verdict: 'pass', found: 'none yet: replay into this folder mints one' };
  if ((statSync(path).mode & 0o077) === 0) return { name, verdict: 'pass', found: `${path}, readable by its owner alone` };
  return {
    name,
    verdict: 'fail',
    found: `${path} can be read by others`,
    mend: `chmod 600 ${path}, and think of the key as known: rotate it.`,
  };
}

function checkIntake({ intake }: Config): Check {
  const name = 'intake';
  const found = `${intake.host}:${intake.port}, ${intake.apiKeys.length} configured keys`;
  const isLoopback = /^(127\.|::1$|localhost$)/.test(intake.host);
  if (isLoopback) return { name, verdict: 'pass', found };
  return {
    name,
    verdict: 'warn',
    found,
    mend: 'It is reachable from other machines, without TLS: put a proxy before it, or bind 127.0.0.1.',
  };
}

async function checkFolder(config: Config): Promise<readonly Check[]> {
  let store: Store;
  try {
    store = await openStore(config);
  } catch (error) {
    const mend = error instanceof Error ? error.message : String(error);
    return [{ name: 'data folder', verdict: 'fail', found: config.dataDir, mend }];
  }
  try {
    const free = statfsSync(config.dataDir);
    const freeBytes = free.bavail * free.bsize;
    const folder: Check =
      freeBytes >= LEAST_FREE_BYTES
        ? { name: 'data folder', verdict: 'pass', found: `${config.dataDir}, ${gib(freeBytes)} free` }
        : {
            name: 'data folder',
            verdict: 'warn',
            found: `${config.dataDir}, ${gib(freeBytes)} free`,
            mend: 'Free some room, or bound the log: topics.retention, topics.retentionBytes.',
          };
    return [folder, await checkLag(config, store), await checkDeadLetters(config, store)];
  } finally {
    await store.close();
  }
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

async function checkLag({ topics, groups }: Config, { log }: Store): Promise<Check> {
  const name = 'detector';
  const [bounds, lag] = await Promise.all([log.bounds(topics.events), lagOf(log, topics.events, groups.detector)]);
  const events = bounds.reduce((sum, { low, high }) => sum + high - low, 0);
  const found = `${events} events in ${bounds.length} partitions, ${lag} of them not judged`;
  if (lag === 0) return { name, verdict: 'pass', found };
  return { name, verdict: 'warn', found, mend: 'They are judged when `idemtrace up` runs on this folder.' };
}

async function checkDeadLetters({ topics }: Config, { log, codec }: Store): Promise<Check> {
  const name = 'dead letters';
  const reasons = new Map<string, number>();
  for await (const record of log.tail(topics.deadLetters)) {
    const [decoded] = await codec.decode([record]);
    // An erased one.
    if (decoded?.ok && decoded.record.name === 'ClockTick') continue;
    const reason = decoded?.ok && decoded.record.name === 'DeadLetter' ? decoded.record.value.reason : 'unreadable';
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  if (reasons.size === 0) return { name, verdict: 'pass', found: 'none' };
  const found = [...reasons].map(([reason, count]) => `${count} × ${reason}`).join(', ');
  return { name, verdict: 'warn', found, mend: 'These records were not judged: mend their sender. They hold reason, position and bytes.' };
}

async function checkLineage(config: Config): Promise<Check> {
  const name = 'lineage';
  if (config.lineage.mode === 'off') return { name, verdict: 'pass', found: 'off (lineage.mode)' };
  try {
    const lineage = await queryLineage(config);
    try {
      const result = await lineage.client.query({ query: 'SELECT version() AS version', format: 'JSONEachRow' });
      const [row] = await result.json<{ version: string }>();
      return { name, verdict: 'pass', found: `embedded engine ${row?.version ?? ''}` };
    } finally {
      await lineage.close();
    }
  } catch (error) {
    const mend = error instanceof Error ? error.message : String(error);
    return { name, verdict: config.lineage.mode === 'on' ? 'fail' : 'warn', found: 'the embedded engine does not run', mend };
  }
}
