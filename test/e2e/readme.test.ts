/** What README shows, pasted: it runs as it stands there, but for the addresses. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sharedKafka, sharedRedis, sharedRegistry } from '@idemtrace/local-services/testing';
import { COMPANY_POLICY, writeCompany } from 'idemtrace/internal';
import { expect, onTestFinished, test } from 'vitest';
import { run, temporaryFolder } from '../support/program.ts';
import { until } from '../support/until.ts';

const root = join(import.meta.dirname, '../..');
const README = readFileSync(join(root, 'README.md'), 'utf8');

/** The block of code that holds a text. */
function block(language: string, holding: string): string {
  const found = README.split('```')
    .filter((part) => part.startsWith(`${language}\n`))
    .find((part) => part.includes(holding));
  if (found === undefined) throw new Error(`README has no ${language} block with ${holding}`);
  return found.slice(language.length + 1);
}

test('subscribing to alerts works from README’s text, pasted', async () => {
  const [kafka, registry, redis] = await Promise.all([sharedKafka(), sharedRegistry(), sharedRedis()]);
  const folder = await temporaryFolder();
  const pasted = block('ts', 'subscribeToAlerts(')
    .replace("['k1:9092']", JSON.stringify(kafka.brokers))
    .replace('http://registry:8081', registry.url);
  expect(pasted.split('\n').length).toBeLessThan(12);
  // Within the workspace, so that it finds the SDK as a user's project would.
  const beside = join(root, 'test/.tmp');
  mkdirSync(beside, { recursive: true });
  const script = join(beside, `subscriber-${process.pid}.ts`);
  onTestFinished(() => rmSync(script, { force: true }));
  writeFileSync(
    script,
    `${pasted}\nasync function page(text: string, id: string) { console.log(text, id); }\nconsole.log('subscribed');\nvoid subscription;\n`,
  );
  const env = {
    IDEMTRACE_KAFKA_BROKERS: kafka.brokers.join(','),
    IDEMTRACE_KAFKA_REPLICATION_FACTOR: '1',
    IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS: '1',
    IDEMTRACE_REGISTRY_URL: registry.url,
    IDEMTRACE_REDIS_URL: redis.url,
  };
  expect(await run(folder, ['topics', 'create'], env)).toMatchObject({ code: 0 });
  const subscriber = spawn(process.execPath, [script], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    subscriber.kill('SIGKILL');
  });
  let output = '';
  for (const stream of [subscriber.stdout, subscriber.stderr]) {
    stream.on('data', (text) => {
      output += text;
    });
  }
  await until(() => {
    if (subscriber.exitCode !== null) throw new Error(output);
    return output.includes('subscribed') || undefined;
  }, 'the subscriber to stand');
  await writeCompany(45, folder);
  const policy = fileURLToPath(COMPANY_POLICY);
  expect(await run(folder, ['replay', 'calls.ndjson', '--real', '--policy', policy], env)).toMatchObject({ code: 0 });
  await until(() => /critical duplicate_execution: .* was executed again/.test(output) || undefined, 'an alert to be paged');
}, 240_000);

test('a lineage query works from README’s text, pasted', async () => {
  const folder = await temporaryFolder();
  expect(await run(folder, ['demo', '--data', join(folder, 'demo')])).toMatchObject({ code: 0 });
  const lines = README.split('\n').filter((line) => line.startsWith('$ idemtrace lineage '));
  expect(lines.length).toBeGreaterThanOrEqual(3);
  for (const line of lines) {
    const args = [...line.slice('$ idemtrace '.length).matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const { code, stdout } = await run(folder, [...args, '--data', join(folder, 'demo')]);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n').length).toBeGreaterThan(1);
  }
}, 240_000);
