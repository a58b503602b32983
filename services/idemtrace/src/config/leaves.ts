import { z } from 'zod';
import { configSchema } from './schema.ts';
import { type SettingMeta, settingMeta } from './setting.ts';

/** One setting: a leaf of the schema. */
export interface Leaf {
  /** Its place in the file, e.g. `topics.deadLetters`. */
  readonly path: string;
  /** Its environment variable. */
  readonly variable: string;
  readonly meta: SettingMeta;
  readonly schema: z.ZodType;
  /** As a person would write it; undefined where there is none. */
  readonly fallback: unknown;
}

/** Every setting, in the schema's order. */
export const LEAVES: readonly Leaf[] = leavesOf(configSchema, []);

/** Variables that others than the schema read. */
export const RESERVED_VARIABLES: Readonly<Record<string, string>> = {
  IDEMTRACE_CONFIG: 'The configuration file. Default: `idemtrace.yaml` in the working directory, where there is one.',
  IDEMTRACE_SERVICES_CACHE: 'Folder of the programs that `pnpm services:up` and the tests fetch; nothing else reads it.',
};

function leavesOf(schema: z.ZodType, path: readonly string[]): Leaf[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries<z.ZodType>(schema.shape).flatMap(([key, member]) => leavesOf(member, [...path, key]));
  }
  const inner = schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
  const meta = settingMeta.get(inner);
  if (meta === undefined) throw new TypeError(`the setting ${path.join('.')} is not declared by one of setting.ts`);
  const fallback = schema instanceof z.ZodPrefault ? schema.def.defaultValue : undefined;
  return [{ path: path.join('.'), variable: variableOf(path), meta, schema: inner, fallback }];
}

/** `topics.deadLetters` as `IDEMTRACE_TOPICS_DEAD_LETTERS`. */
function variableOf(path: readonly string[]): string {
  return `IDEMTRACE_${path.map((part) => part.replace(/([A-Z])/g, '_$1').toUpperCase()).join('_')}`;
}
