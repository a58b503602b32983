/** Writes the tables of metrics and spans into docs/telemetry.md. A test holds that they are up to date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withTables } from '../src/telemetry/table.ts';

const path = join(import.meta.dirname, '../docs/telemetry.md');
writeFileSync(path, withTables(readFileSync(path, 'utf8')));
