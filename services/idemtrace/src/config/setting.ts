import { formatDuration, parseDuration } from '@idemtrace/detector/policy';
import { z } from 'zod';
import { Secret } from './secret.ts';

/** What the documentation and the readers need to know of a setting beyond its schema. */
export interface SettingMeta {
  readonly description: string;
  /** Kind of value as a person reads it, e.g. `duration`. */
  readonly kind: string;
  /** Never shown, and may be read from a file that `…_FILE` names. */
  readonly secret?: boolean;
  /** A path in the file system: relative to the file that says it, else to the working directory. */
  readonly path?: boolean;
}

export const settingMeta = z.registry<SettingMeta>();

/** Declares what a setting is; the description becomes its documentation. */
function setting<T extends z.ZodType>(schema: T, meta: SettingMeta): T {
  const described = schema.describe(meta.description);
  settingMeta.add(described, meta);
  return described;
}

type Context = z.core.$RefinementCtx<unknown>;

function refuse(context: Context, message: string, hint?: string): never {
  context.addIssue({ code: 'custom', message, ...(hint !== undefined && { params: { hint } }) });
  return z.NEVER;
}

/** A value as text: numbers and booleans of a YAML file are taken as they are written. */
function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

export function text(description: string, options: { pattern?: RegExp; rule?: string; kind?: string; path?: boolean } = {}) {
  const { pattern, rule = 'text', kind = 'text', path = false } = options;
  return setting(
    z.unknown().transform((value, context): string => {
      const given = asText(value);
      if (given === undefined || given === '' || given.length > 4096 || CONTROL.test(given)) return refuse(context, `expects ${rule}`);
      return pattern === undefined || pattern.test(given) ? given : refuse(context, `expects ${rule}`);
    }),
    { description, kind, path },
  );
}

export function integer(description: string, least: number, most: number) {
  const hint = `write a whole number from ${least} to ${most}`;
  return setting(
    z.unknown().transform((value, context): number => {
      const given = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
      if (typeof given !== 'number' || !Number.isInteger(given)) return refuse(context, 'expects a whole number', hint);
      return given >= least && given <= most ? given : refuse(context, `is out of range`, hint);
    }),
    { description, kind: `${least}–${most}` },
  );
}

export function choice<const T extends string>(description: string, choices: readonly T[]) {
  return setting(
    z.unknown().transform((value, context): T => {
      const found = choices.find((one) => one === asText(value));
      return found ?? refuse(context, 'is no known choice', `write one of ${choices.join(', ')}`);
    }),
    { description, kind: choices.join(' \\| ') },
  );
}

/** On or off. */
export function flag(description: string) {
  return setting(
    z.unknown().transform((value, context): boolean => {
      const given = asText(value);
      if (given === 'true' || given === 'false') return given === 'true';
      return refuse(context, 'is neither true nor false');
    }),
    { description, kind: 'true \\| false' },
  );
}

/** Values joined by commas, or a list of the file; at least one, none twice. */
export function list(description: string, { pattern, rule, kind }: { pattern: RegExp; rule: string; kind: string }) {
  return setting(
    z.unknown().transform((value, context): readonly string[] => {
      const given = Array.isArray(value)
        ? value.map(asText)
        : asText(value)
            ?.split(',')
            .map((part) => part.trim());
      if (given === undefined || given.length === 0) return refuse(context, `expects ${rule}`);
      const seen = new Set<string>();
      for (const [index, one] of given.entries()) {
        if (one === undefined || !pattern.test(one)) return refuse(context, `entry ${index + 1}: expects ${rule}`);
        if (seen.has(one)) return refuse(context, `entry ${index + 1} repeats an earlier one`);
        seen.add(one);
      }
      return given as string[];
    }),
    { description, kind: `${kind}, …` },
  );
}

/** Milliseconds. */
export function duration(description: string, least: number, most: number) {
  return setting(
    z.unknown().transform((value, context): number => {
      const ms = parseDuration(value);
      if (ms === undefined) return refuse(context, 'expects a duration', 'write 500ms, 10s, 5m, 24h or 7d');
      const range = `from ${formatDuration(least)} to ${formatDuration(most)}`;
      return ms >= least && ms <= most ? ms : refuse(context, 'is out of range', `write a duration ${range}`);
    }),
    { description, kind: 'duration' },
  );
}

const SIZES: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes. */
export function size(description: string, least: number, most: number) {
  return setting(
    z.unknown().transform((value, context): number => {
      const [, count, unit] = /^(\d{1,15}) ?(B|KiB|MiB|GiB)?$/.exec(asText(value) ?? '') ?? [];
      const bytes = count === undefined ? Number.NaN : Number(count) * (SIZES[unit ?? 'B'] ?? 1);
      if (Number.isNaN(bytes)) return refuse(context, 'expects a size', 'write a number of bytes, or 512KiB, 4MiB, 2GiB');
      return bytes >= least && bytes <= most ? bytes : refuse(context, 'is out of range', `write a size from ${least} to ${most} bytes`);
    }),
    { description, kind: 'size' },
  );
}

export function secret(description: string, least: number) {
  return setting(
    z.unknown().transform((value, context): Secret => {
      const given = asText(value);
      if (given === undefined || CONTROL.test(given)) return refuse(context, 'expects text without control characters');
      return given.length >= least
        ? new Secret(given)
        : refuse(context, `is too short for a secret`, `make it at least ${least} characters long`);
    }),
    { description, kind: 'secret', secret: true },
  );
}

/** A key of the intake and the tenant that it stands for. */
export interface ApiKey {
  readonly tenantId: string;
  readonly key: Secret;
}

const LEAST_KEY = 16;

function isTenant(text: string): boolean {
  return text !== '' && text.length <= 256 && !CONTROL.test(text);
}

/** `tenant=key` pairs joined by commas or lines, or a list of `{ tenantId, key }`; several keys may stand for one tenant. */
export function apiKeys(description: string) {
  return setting(
    z.unknown().transform((value, context): readonly ApiKey[] => {
      const hint = 'write tenant=key pairs joined by commas, or in the file a list of { tenantId: …, key: … }';
      const pairs = typeof value === 'string' ? pairsOfText(value) : pairsOfList(value);
      if (pairs === undefined) return refuse(context, 'expects keys with their tenants', hint);
      const seen = new Set<string>();
      for (const [index, [tenantId, key]] of pairs.entries()) {
        const nth = `entry ${index + 1}`;
        if (!isTenant(tenantId)) refuse(context, `${nth} has no tenant`, hint);
        if (key.length < LEAST_KEY || CONTROL.test(key))
          refuse(context, `${nth} has a key that is too short`, `make it at least ${LEAST_KEY} characters long`);
        if (seen.has(key)) refuse(context, `${nth} repeats a key`, 'a key stands for one tenant: give each its own');
        seen.add(key);
      }
      return pairs.map(([tenantId, key]) => ({ tenantId, key: new Secret(key) }));
    }),
    { description, kind: 'tenant=key, …', secret: true },
  );
}

/** Whole numbers by tenant: `tenant=number` pairs joined by commas or lines, or a map of the file. */
export function numbersByTenant(description: string, least: number, most: number) {
  return setting(
    z.unknown().transform((value, context): Readonly<Record<string, number>> => {
      const hint = 'write tenant=number pairs joined by commas, or in the file a map of numbers by tenant';
      const pairs = typeof value === 'string' ? pairsOfText(value) : pairsOfMap(value);
      if (pairs === undefined) return refuse(context, 'expects numbers by tenant', hint);
      const numbers = new Map<string, number>();
      for (const [index, [tenantId, text]] of pairs.entries()) {
        const nth = `entry ${index + 1}`;
        if (!isTenant(tenantId)) refuse(context, `${nth} has no tenant`, hint);
        if (numbers.has(tenantId)) refuse(context, `${nth} repeats a tenant`, 'give each one number');
        const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
        if (!(number >= least && number <= most))
          refuse(context, `${nth} is out of range`, `write a whole number from ${least} to ${most}`);
        numbers.set(tenantId, number);
      }
      return Object.fromEntries(numbers);
    }),
    { description, kind: 'tenant=number, …' },
  );
}

type Pairs = readonly (readonly [tenantId: string, key: string])[];

function pairsOfText(text: string): Pairs | undefined {
  const parts = text.split(/[,\n]/).map((part) => part.trim());
  const pairs = parts
    .filter((part) => part !== '')
    .map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1).trim(), part.includes('=')] as const);
  return pairs.every(([, , whole]) => whole) ? pairs.map(([tenantId, key]) => [tenantId, key] as const) : undefined;
}

function pairsOfList(value: unknown): Pairs | undefined {
  const parsed = z.array(z.strictObject({ tenantId: z.string(), key: z.string() })).safeParse(value);
  return parsed.success ? parsed.data.map(({ tenantId, key }) => [tenantId, key] as const) : undefined;
}

function pairsOfMap(value: unknown): Pairs | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).map(([tenantId, number]) => [tenantId, asText(number) ?? ''] as const);
}
