/** What `doctor` makes of settings that no single broker can show. */
import { expect, test } from 'vitest';
import { durabilityChecks } from '../src/commands/doctor-kafka.ts';
import { resolveConfig } from '../src/config/index.ts';

function checksOf(brokers: string, replicationFactor: number, minInsyncReplicas: number) {
  const env = {
    IDEMTRACE_KAFKA_BROKERS: brokers,
    IDEMTRACE_REGISTRY_URL: 'http://registry:8081',
    IDEMTRACE_KAFKA_REPLICATION_FACTOR: String(replicationFactor),
    IDEMTRACE_KAFKA_MIN_INSYNC_REPLICAS: String(minInsyncReplicas),
  };
  const resolved = resolveConfig({ env, cwd: '/', readFile: () => '' });
  if (!resolved.ok) throw new Error('bad configuration');
  return durabilityChecks(resolved.config).map(({ verdict, found }) => `${verdict} ${found.split(' ')[0]}`);
}

test.each([
  ['127.0.0.1:9092,localhost:9093', 1, 1, ['warn kafka.replicationFactor']],
  ['k1:9092', 1, 1, ['fail kafka.replicationFactor']],
  ['k1:9092', 3, 1, ['fail kafka.minInsyncReplicas']],
  ['127.0.0.1:9092,k1:9092', 1, 1, ['fail kafka.replicationFactor']],
  ['k1:9092', 3, 2, []],
] as const)('W4: %s with replication factor %i and min.insync.replicas %i: %j', (brokers, replicas, insync, expected) => {
  expect(checksOf(brokers, replicas, insync)).toEqual(expected);
});
