/** The dashboards as files that Grafana provisions. */
import { renderDashboard } from './dashboard.ts';
import { OPERATORS } from './operators.ts';
import { OWNERS } from './owners.ts';

export const DASHBOARDS = { owners: OWNERS, operators: OPERATORS };

export const DASHBOARD_FILES = Object.entries(DASHBOARDS).map(([name, dashboard]) => ({
  url: new URL(`../dashboards/${name}.json`, import.meta.url),
  text: `${JSON.stringify(renderDashboard(dashboard), null, 2)}\n`,
}));
