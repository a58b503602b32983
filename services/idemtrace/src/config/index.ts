export type { ConfigFile } from './file.ts';
export { formatConfigMistakes, printConfig, printConfigWithOrigins, settingsTable } from './print.ts';
export { type ConfigInput, type ConfigMistake, type Origins, type ResolvedConfig, resolveConfig } from './resolve.ts';
export type { Config, HashKeySetting } from './schema.ts';
export { Secret } from './secret.ts';
export type { ApiKey } from './setting.ts';
