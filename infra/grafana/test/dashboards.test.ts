/** Every panel and variable of the dashboards against the real engine, as Grafana would ask. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SAMPLE_METRICS } from '../../../services/lineage/src/index.ts';
import { startTestEngine, type TestEngine } from '../../../services/lineage/test/support/engine.ts';
import { openPipeline, type TestPipeline } from '../../../services/lineage/test/support/pipeline.ts';
import { DASHBOARD_FILES, DASHBOARDS } from '../src/files.ts';
import type { Dashboard, Panel } from '../src/panel.ts';
import { type Asking, expand } from './grafana-sql.ts';
import { HOSTILE, seed, TENANTS } from './seed.ts';

type Row = Readonly<Record<string, unknown>>;
const HOUR = 3_600_000;

let engine: TestEngine;
let pipeline: TestPipeline;
let from: number;
let to: number;
beforeAll(async () => {
  engine = await startTestEngine();
  pipeline = await openPipeline(engine);
  const now = Date.now();
  const last = await seed(pipeline, now);
  [from, to] = [now - HOUR, last + 5_000];
});
afterAll(async () => {
  await pipeline.close();
  await engine.stop();
});

async function run(sql: string): Promise<readonly Row[]> {
  const result = await pipeline.client.query({ query: sql, format: 'JSONEachRow' });
  return result.json<Row>();
}

/** What Grafana would ask with, its query variables answered in their order. */
async function asking(dashboard: Dashboard, chosen: Readonly<Record<string, readonly string[]>> = {}): Promise<Asking> {
  const variables: Record<string, readonly string[] | string> = {};
  const options: Record<string, readonly string[]> = {};
  for (const variable of dashboard.variables) {
    if (variable.kind === 'choice') {
      variables[variable.name] = variable.choices[variable.chosen] ?? '';
      continue;
    }
    const rows = await run(expand(variable.sql, { from, to, intervalSeconds: 60, variables, options }));
    options[variable.name] = rows.map((row) => String(Object.values(row)[0]));
    variables[variable.name] = chosen[variable.name] ?? 'all';
  }
  return { from, to, intervalSeconds: 60, variables, options };
}

function panelsOf({ sections }: Dashboard): readonly Panel[] {
  return sections.flatMap(({ panels }) => panels);
}

function hexOf(name: string): string {
  return Buffer.from(name).toString('hex').toUpperCase();
}

describe.each(Object.entries(DASHBOARDS))('%s', (_, dashboard) => {
  test.each(panelsOf(dashboard).map((panel) => [panel.title, panel] as const))('%s shows what there is', async (_title, panel) => {
    const rows = await run(expand(panel.query.sql, await asking(dashboard)));
    expect(rows.length).toBeGreaterThan(0);
    const [first = {}] = rows;
    const columns = Object.keys(first);
    if (panel.kind === 'stat') expect(Number(first.value)).toBeGreaterThan(0);
    if (panel.query.shape === 'time') {
      expect(columns[0]).toBe('time');
      expect(rows.some((row) => Number(Object.values(row).at(-1)) > 0)).toBe(true);
    }
    // A look that names no column is one that nobody sees.
    for (const { name } of panel.fields ?? []) expect(columns).toContain(name);
    if (panel.kind === 'lines' && panel.series !== undefined) expect(columns).toEqual(['time', panel.series, expect.any(String)]);
    if (panel.kind === 'table' && panel.sortedBy !== undefined) expect(columns).toContain(panel.sortedBy);
  });

  test.each(dashboard.variables.filter(({ kind }) => kind === 'query').map((variable) => [variable.name, variable] as const))(
    'variable %s offers values, each once',
    async (name) => {
      const { options = {} } = await asking(dashboard);
      expect(options[name]?.length).toBeGreaterThan(0);
      expect(new Set(options[name]).size).toBe(options[name]?.length);
    },
  );

  test('panels have a title of their own, a unit and a description', () => {
    const titles = panelsOf(dashboard).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    for (const { title, unit, description, width } of panelsOf(dashboard)) {
      expect({ title, said: description.length > 20, unit: unit !== '', fits: width <= 24 }).toEqual({
        title,
        said: true,
        unit: true,
        fits: true,
      });
    }
  });
});

test.each(TENANTS)('T1: where tenant %j is chosen, its rows show and no other tenant’s do', async (tenantId) => {
  const chosen = await asking(DASHBOARDS.owners, { tenant: [hexOf(tenantId)] });
  const others = TENANTS.filter((other) => other !== tenantId).map((other) => JSON.stringify(other).slice(1, -1));
  for (const { title, query } of panelsOf(DASHBOARDS.owners)) {
    const text = JSON.stringify(await run(expand(query.sql, chosen)));
    expect({ title, leaked: others.filter((other) => text.includes(other)) }).toEqual({ title, leaked: [] });
  }
  for (const title of ['Worst workflows', 'Alerts', 'By tenant', 'Foreign documents by data source']) {
    const panel = panelsOf(DASHBOARDS.owners).find((each) => each.title === title);
    const rows = await run(expand(panel?.query.sql ?? '', chosen));
    expect(new Set(rows.map(({ tenant }) => tenant))).toEqual(new Set([tenantId]));
  }
});

test('T1: where no tenant is chosen, nothing shows', async () => {
  const chosen = await asking(DASHBOARDS.owners, { tenant: [] });
  const panel = panelsOf(DASHBOARDS.owners).find(({ title }) => title === 'Alerts');
  expect(await run(expand(panel?.query.sql ?? '', chosen))).toEqual([]);
});

test('a tool that is chosen leaves the others out', async () => {
  const chosen = await asking(DASHBOARDS.owners, { tool: [hexOf('acme charge_card')] });
  const panel = panelsOf(DASHBOARDS.owners).find(({ title }) => title === 'Alerts');
  const rows = await run(expand(panel?.query.sql ?? '', chosen));
  expect(new Set(rows.map(({ tool }) => tool))).toEqual(new Set(['acme charge_card']));
});

test('the command of a workflow survives a shell, whatever the names in it', async () => {
  const chosen = await asking(DASHBOARDS.owners, { tenant: [hexOf(HOSTILE)] });
  const panel = panelsOf(DASHBOARDS.owners).find(({ title }) => title === 'Worst workflows');
  const [row] = await run(expand(panel?.query.sql ?? '', chosen));
  const quotedForShell = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
  const workflow = `${HOSTILE} invoice 'run' 1`;
  expect(row?.command).toBe(`idemtrace lineage attempts --tenant=${quotedForShell(HOSTILE)} -- ${quotedForShell(workflow)}`);
});

test('lag is that of the group: partitions add up, detectors that both speak of them do not', async () => {
  const values = ['host-2/detector', 'host-3/detector'].flatMap((process, index) =>
    [0, 1].map((partition) => [to - 5_000, 'detector', process, 'lag', partition, 700 + index]),
  );
  await pipeline.client.insert({
    table: 'operational_samples',
    columns: ['time', 'kind', 'process', 'metric', 'partition', 'value'],
    values,
    format: 'JSONCompactEachRow',
  });
  const panel = panelsOf(DASHBOARDS.operators).find(({ title }) => title === 'Detector lag');
  expect(await run(expand(panel?.query.sql ?? '', await asking(DASHBOARDS.operators)))).toEqual([{ value: 1_402 }]);
});

test('every metric that processes write is on the operators’ dashboard', () => {
  const sql = panelsOf(DASHBOARDS.operators)
    .map(({ query }) => query.sql)
    .join('\n');
  expect(Object.keys(SAMPLE_METRICS).filter((metric) => !sql.includes(`'${metric}'`))).toEqual([]);
});

test.each(DASHBOARD_FILES.map(({ url, text }) => [url.pathname.split('/').at(-1), url, text] as const))(
  'dashboards/%s is what its description makes of it (infra/grafana/scripts/build.ts)',
  (_, url, text) => {
    expect(readFileSync(url, 'utf8')).toBe(text);
  },
);
