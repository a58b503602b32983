/** The layering that ARCHITECTURE.md describes, held by the imports themselves. */
import { globSync, readFileSync } from 'node:fs';

import { join } from 'node:path';
import { cruise, type IFlattenedRuleSet } from 'dependency-cruiser';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const BASE = ['schemas', 'services/identity', 'services/stream'];
const SERVICES = ['emitter', 'gateway', 'detector', 'lineage'];

/** Drivers, and the only folders that may import them. */
const DRIVERS: Readonly<Record<string, string>> = {
  '@clickhouse/client': '^services/(lineage|idemtrace)/src/',
  chdb: '^services/lineage/src/embedded/',
  'node:sqlite': '^services/(stream|lineage)/src/embedded/',
  avsc: '^schemas/src/',
  '@kafkajs/confluent-schema-registry': '^schemas/src/confluent/',
  kafkajs: '^services/stream/src/kafka/',
  ioredis: '^services/detector/src/windows/redis/',
  canonicalize: '^services/identity/src/',
  hono: '^services/gateway/src/',
  '@hono/node-server': '^services/gateway/src/',
  '@hono/zod-openapi': '^services/gateway/src/',
  commander: '^services/idemtrace/src/',
  pino: '^services/idemtrace/src/',
  '@opentelemetry': '^services/idemtrace/src/telemetry/',
};

const notTypes = { dependencyTypesNot: ['type-only'] as ['type-only'] };

const rules: IFlattenedRuleSet = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'the domain imports itself and the contracts alone',
      severity: 'error',
      from: { path: '^services/detector/src/domain/' },
      to: { pathNot: ['^services/detector/src/domain/', '^schemas/src/'] },
    },
    {
      name: 'the domain takes no code from the contracts but types',
      severity: 'error',
      from: { path: '^services/detector/src/domain/' },
      to: { path: '^schemas/src/', ...notTypes },
    },
    ...SERVICES.map((service) => ({
      name: `${service} imports no other service`,
      severity: 'error' as const,
      from: { path: `^services/${service}/src/` },
      to: { path: '^services/', pathNot: [`^services/${service}/`, ...BASE.map((base) => `^${base}/`)], ...notTypes },
    })),
    ...BASE.map((base) => ({
      name: `${base} imports only the shared base`,
      severity: 'error' as const,
      from: { path: `^${base}/src/` },
      to: { path: '^(services|schemas)/', pathNot: BASE.map((other) => `^${other}/`) },
    })),
    ...Object.entries(DRIVERS).map(([driver, folder]) => ({
      name: `${driver} is imported in its adapter alone`,
      severity: 'error' as const,
      from: { path: '^(services|schemas)/.*/?src/', pathNot: folder },
      to: { path: `^${driver}$|node_modules/${driver}/`, ...notTypes },
    })),
    {
      name: 'the SDK imports no package by itself',
      severity: 'error',
      from: { path: '^services/emitter/src/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-peer', 'npm-optional'], ...notTypes },
    },
    {
      name: 'what works with Kafka stays out of the SDK’s core and HTTP path',
      severity: 'error',
      from: { path: '^services/emitter/src/', pathNot: '^services/emitter/src/(kafka|alerts)/' },
      to: { path: '^services/emitter/src/(kafka|alerts)/|^services/stream/|^schemas/src/confluent/', ...notTypes },
    },
  ],
};

test('imports keep to the layers', async () => {
  const { output } = await cruise(
    ['schemas/src', ...['identity', 'stream', ...SERVICES, 'idemtrace'].map((name) => `services/${name}/src`)],
    {
      baseDir: root,
      ruleSet: rules,
      validate: true,
      tsPreCompilationDeps: 'specify',
      doNotFollow: { path: 'node_modules' },
      combinedDependencies: true,
    },
    { extensions: ['.ts', '.js', '.json'], conditionNames: ['import', 'node', 'types'], exportsFields: ['exports'] },
  );
  if (typeof output === 'string') throw new Error(output);
  const violations = output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
  expect(output.summary.totalCruised).toBeGreaterThan(50);
  expect(violations).toEqual([]);
});

test('the domain has no clock, no randomness, no environment', async () => {
  const files = globSync('services/detector/src/domain/**/*.ts', { cwd: root });
  expect(files.length).toBeGreaterThan(8);
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    expect({ file, found: text.match(/Date\.now|new Date\(|Math\.random|process\.|randomUUID|console\./g) }).toEqual({ file, found: null });
  }
});

test('ports are types only', async () => {
  const ports = globSync(['services/*/src/**/port.ts', 'services/emitter/src/transport.ts', 'schemas/src/registry.ts'], { cwd: root });
  expect(ports.length).toBeGreaterThanOrEqual(4);
  for (const file of ports) {
    const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    expect({ file, found: text.match(/^(export )?(async )?(class|const|let|function) .*/gm) }).toEqual({ file, found: null });
  }
});

test('the environment is read by the composition root alone', async () => {
  const files = globSync(['schemas/src/**/*.ts', 'services/*/src/**/*.ts'], { cwd: root });
  const readers = files.filter(
    (file) => /process\.env/.test(readFileSync(join(root, file), 'utf8')) && !file.startsWith('services/idemtrace/src/'),
  );
  expect(readers).toEqual([]);
});
