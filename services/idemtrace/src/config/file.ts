import { dirname } from 'node:path';
import { explainIssues, type LocatedDocument, readDocument } from '@idemtrace/detector/policy';
import { z } from 'zod';
import { LEAVES } from './leaves.ts';
import type { ConfigMistake } from './resolve.ts';
import { configSchema } from './schema.ts';

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

interface FileValue {
  readonly value: unknown;
  readonly origin: string;
  readonly base: string;
}

/** The values of the file by setting; what is no setting, or no YAML, goes to the mistakes. */
export function readConfigFile(file: ConfigFile | undefined, mistakes: ConfigMistake[]): Map<string, FileValue> {
  const found = new Map<string, FileValue>();
  if (file === undefined) return found;
  const { document, mistakes: unread } = readDocument(file.text);
  for (const { line, column, path, message, hint } of unread) {
    mistakes.push({ origin: `${file.path}:${line}:${column}`, ...(path !== '' && { path }), message, ...(hint !== undefined && { hint }) });
  }
  if (document === undefined || document.value === null) return found;
  listUnknownKeys(file, document, mistakes);
  for (const leaf of LEAVES) {
    const path = leaf.path.split('.');
    const value = memberAt(document.value, path);
    if (value === undefined || value === null) continue;
    found.set(leaf.path, { value, origin: placeOf(file, document, path), base: dirname(file.path) });
  }
  return found;
}

/** Every section and setting optional, any value: what is left to complain about is the shape. */
const SHAPE = shapeOf(configSchema);

function shapeOf(schema: z.ZodType): z.ZodType {
  if (!(schema instanceof z.ZodObject)) return z.unknown();
  const members = Object.entries<z.ZodType>(schema.shape).map(([key, member]) => [key, shapeOf(member).nullable().optional()]);
  return z.strictObject(Object.fromEntries(members));
}

function listUnknownKeys(file: ConfigFile, document: LocatedDocument, mistakes: ConfigMistake[]): void {
  const parsed = SHAPE.safeParse(document.value, { reportInput: true });
  if (parsed.success) return;
  for (const { path, about, message, hint } of explainIssues(SHAPE, parsed.error.issues, () => false)) {
    mistakes.push({
      origin: placeOf(file, document, path, about),
      path: document.name(path),
      message,
      ...(hint !== undefined && { hint }),
    });
  }
}

function placeOf(file: ConfigFile, document: LocatedDocument, path: readonly PropertyKey[], about: 'key' | 'value' = 'value'): string {
  const { line, column } = document.place(path, about);
  return `${file.path}:${line}:${column}`;
}

function memberAt(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
