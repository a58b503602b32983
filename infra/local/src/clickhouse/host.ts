/** The process that the ClickHouse engine lives under. Arguments: data folder, file with the settings `{ port, password }`. */
import { readFileSync } from 'node:fs';
import { startEmbeddedEngine } from '@idemtrace/lineage/embedded';

const [, , path, settingsFile] = process.argv;
if (path === undefined || settingsFile === undefined) throw new Error('usage: host.ts DATA_FOLDER SETTINGS_FILE');

const settings = JSON.parse(readFileSync(settingsFile, 'utf8')) as { readonly port: number; readonly password: string };
const engine = await startEmbeddedEngine({
  path,
  ...settings,
  environment: process.env,
  onExit: ({ exitCode, signal }) =>
    console.log(`${new Date().toISOString()} the engine ended (${exitCode ?? signal}) and is started again`),
});
console.log(`${new Date().toISOString()} ready at ${engine.url}, pid ${engine.pid}`);

// The engine alone would not keep this process.
const alive = setInterval(() => undefined, 2 ** 30);
process.once('SIGTERM', () => {
  clearInterval(alive);
  void engine.stop().then(() => process.exit(0));
});
