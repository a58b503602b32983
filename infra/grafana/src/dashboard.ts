/** From the description of a dashboard to Grafana's classic JSON model (schema version 41, Grafana 12), which later versions read. */
import type { Color, Dashboard, FieldLook, Panel, Query, Threshold, Variable } from './panel.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
type JsonObject = { readonly [name: string]: Json };

/** The data source of the provisioning files. */
export const DATA_SOURCE = { type: 'grafana-clickhouse-datasource', uid: 'idemtrace-clickhouse' } as const;
const SCHEMA_VERSION = 41;
const GRID_WIDTH = 24;
/** How the plug-in names the shapes of an answer. */
const FORMATS = { time: 0, table: 1 } as const;

export function renderDashboard(dashboard: Dashboard): JsonObject {
  const { uid, title, description, tags, from, refresh, variables } = dashboard;
  return {
    uid,
    title,
    description,
    tags,
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'utc',
    time: { from, to: 'now' },
    refresh,
    timepicker: {},
    annotations: { list: [] },
    links: [
      {
        type: 'dashboards',
        title: 'idemtrace',
        tags: ['idemtrace'],
        asDropdown: false,
        includeVars: false,
        keepTime: true,
        icon: 'external link',
      },
    ],
    templating: { list: variables.map(renderVariable) },
    panels: renderPanels(dashboard),
  };
}

/** Panels flow from left to right, and into a new line where the next one does not fit. */
function renderPanels({ sections }: Dashboard): readonly Json[] {
  const rendered: Json[] = [];
  let [x, y, lineHeight, id] = [0, 0, 0, 0];
  for (const { title, panels } of sections) {
    y += lineHeight;
    rendered.push({ id: ++id, type: 'row', title, collapsed: false, panels: [], gridPos: { x: 0, y, w: GRID_WIDTH, h: 1 } });
    [x, y, lineHeight] = [0, y + 1, 0];
    for (const panel of panels) {
      if (x + panel.width > GRID_WIDTH) [x, y, lineHeight] = [0, y + lineHeight, 0];
      rendered.push({ id: ++id, ...renderPanel(panel), gridPos: { x, y, w: panel.width, h: panel.height } });
      x += panel.width;
      lineHeight = Math.max(lineHeight, panel.height);
    }
  }
  return rendered;
}

const TYPES = { stat: 'stat', lines: 'timeseries', bars: 'barchart', table: 'table' } as const;

function renderPanel(panel: Panel): JsonObject {
  return {
    type: TYPES[panel.kind],
    title: panel.title,
    description: panel.description,
    datasource: DATA_SOURCE,
    targets: [renderTarget(panel.query)],
    fieldConfig: {
      defaults: { unit: panel.unit, noValue: panel.kind === 'stat' ? '0' : '–', ...defaultsOf(panel) },
      overrides: (panel.fields ?? []).map(renderField),
    },
    options: optionsOf(panel),
  };
}

function renderTarget({ sql, shape }: Query): JsonObject {
  return {
    refId: 'A',
    datasource: DATA_SOURCE,
    editorType: 'sql',
    queryType: shape === 'time' ? 'timeseries' : 'table',
    format: FORMATS[shape],
    rawSql: sql,
  };
}

function defaultsOf(panel: Panel): JsonObject {
  switch (panel.kind) {
    case 'stat':
      return { color: { mode: 'thresholds' }, thresholds: renderThresholds(panel.thresholds) };
    case 'lines': {
      const { style = 'line', stacked = false, thresholds, series } = panel;
      return {
        color: { mode: 'palette-classic-by-name' },
        ...(thresholds !== undefined && { thresholds: renderThresholds(thresholds) }),
        min: 0,
        // Else a line is called by the number's column and the word.
        ...(series !== undefined && { displayName: `\${__field.labels.${series}}` }),
        custom: {
          drawStyle: style === 'bars' ? 'bars' : 'line',
          fillOpacity: style === 'line' ? 8 : style === 'area' ? 30 : 80,
          lineWidth: style === 'bars' ? 0 : 2,
          lineInterpolation: 'linear',
          showPoints: 'auto',
          pointSize: 4,
          spanNulls: false,
          stacking: { mode: stacked ? 'normal' : 'none', group: 'A' },
          thresholdsStyle: { mode: thresholds === undefined ? 'off' : 'dashed' },
        },
      };
    }
    case 'bars':
      return { color: { mode: 'palette-classic-by-name' }, min: 0, custom: { fillOpacity: 80, lineWidth: 0 } };
    case 'table':
      return { custom: { align: 'auto', filterable: true, inspect: true, cellOptions: { type: 'auto' } } };
  }
}

function optionsOf(panel: Panel): JsonObject {
  switch (panel.kind) {
    case 'stat':
      return {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: 'value',
        graphMode: 'none',
        textMode: 'auto',
        justifyMode: 'auto',
      };
    case 'lines':
      return {
        legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'], showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
    case 'bars':
      return {
        orientation: 'auto',
        stacking: panel.stacked === true ? 'normal' : 'none',
        showValue: 'auto',
        xTickLabelSpacing: 100,
        legend: { displayMode: 'list', placement: 'bottom', calcs: [], showLegend: true },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
    case 'table':
      return {
        showHeader: true,
        cellHeight: 'sm',
        footer: { show: false, reducer: ['sum'], fields: '' },
        sortBy: panel.sortedBy === undefined ? [] : [{ displayName: panel.sortedBy, desc: true }],
      };
  }
}

function renderThresholds(thresholds: readonly Threshold[]): JsonObject {
  return { mode: 'absolute', steps: thresholds.map(({ from, color }) => ({ value: from, color })) };
}

function renderField({ name, unit, color, width, background = false, thresholds, words }: FieldLook): JsonObject {
  const properties: Json[] = [];
  if (unit !== undefined) properties.push({ id: 'unit', value: unit });
  if (color !== undefined) properties.push({ id: 'color', value: { mode: 'fixed', fixedColor: color } });
  if (width !== undefined) properties.push({ id: 'custom.width', value: width });
  if (background) properties.push({ id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } });
  if (thresholds !== undefined)
    properties.push({ id: 'thresholds', value: renderThresholds(thresholds) }, { id: 'color', value: { mode: 'thresholds' } });
  if (words !== undefined) properties.push({ id: 'mappings', value: [{ type: 'value', options: wordOptions(words) }] });
  return { matcher: { id: 'byName', options: name }, properties };
}

function wordOptions(words: Readonly<Record<string, Color>>): JsonObject {
  return Object.fromEntries(Object.entries(words).map(([word, color], index) => [word, { color, index, text: word }]));
}

const ON_TIME_RANGE_CHANGE = 2;

function renderVariable(variable: Variable): JsonObject {
  const { name, label, description } = variable;
  if (variable.kind === 'query') {
    return {
      type: 'query',
      name,
      label,
      description,
      datasource: DATA_SOURCE,
      definition: variable.sql,
      query: { editorType: 'sql', queryType: 'table', format: FORMATS.table, rawSql: variable.sql, refId: name },
      refresh: ON_TIME_RANGE_CHANGE,
      multi: true,
      includeAll: true,
      current: { text: ['All'], value: ['$__all'] },
      options: [],
      regex: '',
      sort: 0,
    };
  }
  const options = Object.entries(variable.choices).map(([text, value]) => ({ text, value, selected: text === variable.chosen }));
  return {
    type: 'custom',
    name,
    label,
    description,
    query: options.map(({ text, value }) => `${text} : ${value}`).join(', '),
    options,
    current: options.find(({ selected }) => selected) ?? {},
    multi: false,
    includeAll: false,
  };
}
