/** The files that Grafana reads at its start agree with one another, and hold no secret. */
import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { DATA_SOURCE } from '../../infra/grafana/src/dashboard.ts';

const folder = new URL('../../infra/grafana/', import.meta.url);
const files = globSync('provisioning/**/*.yaml', { cwd: folder });

interface DataSources {
  readonly datasources: readonly {
    readonly uid: string;
    readonly type: string;
    readonly jsonData: Readonly<Record<string, string>>;
    readonly secureJsonData: Readonly<Record<string, string>>;
  }[];
}

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}

test('every panel and variable asks the data source that is provisioned', () => {
  const { datasources } = parse(read('provisioning/datasources/idemtrace.yaml')) as DataSources;
  expect(datasources.map(({ uid, type }) => ({ uid, type }))).toEqual([DATA_SOURCE]);
  for (const file of globSync('dashboards/*.json', { cwd: folder })) {
    const { uid } = JSON.parse(read(file)) as { readonly uid: string };
    const uids = [...read(file).matchAll(/"uid": "([^"]+)"/g)].map(([, found]) => found);
    expect(new Set(uids)).toEqual(new Set([uid, DATA_SOURCE.uid]));
  }
});

test('P1: where ClickHouse is, and its password, come from Grafana’s environment alone', () => {
  const [source] = (parse(read('provisioning/datasources/idemtrace.yaml')) as DataSources).datasources;
  for (const setting of ['host', 'port', 'secure', 'username', 'defaultDatabase']) {
    expect(source?.jsonData[setting]).toMatch(/^\$\{IDEMTRACE_GRAFANA_CLICKHOUSE_[A-Z]+\}$/);
  }
  expect(Object.entries(source?.secureJsonData ?? {})).toEqual([
    ['password', expect.stringMatching(/^\$\{IDEMTRACE_GRAFANA_CLICKHOUSE_PASSWORD\}$/)],
  ]);
  expect(files.length).toBeGreaterThanOrEqual(2);
});
