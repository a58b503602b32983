/** Writes dashboards/*.json from their descriptions. With `--check` it writes nothing, and fails where a file is not what it would write. */
import { readFileSync, writeFileSync } from 'node:fs';
import { DASHBOARD_FILES } from '../src/files.ts';

const check = process.argv.includes('--check');
for (const { url, text } of DASHBOARD_FILES) {
  if (!check) writeFileSync(url, text);
  else if (readFileSync(url, 'utf8') !== text) {
    console.error(`${url.pathname} is stale: run \`node infra/grafana/scripts/build.ts\``);
    process.exitCode = 1;
  }
}
