import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSchema } from '../src/schema.ts';
import { schemaId } from '../src/schema-id.ts';

export interface ReleasedSchema {
  readonly version: string;
  readonly name: string;
  readonly id: number;
  readonly schema: string;
}

export const VERSION = /^\d+\.\d+\.\d+$/;

/** Id of a schema's text. Throws where it is none, naming where it comes from. */
export function schemaIdOf(origin: string, text: string): number {
  const parsed = parseSchema(text);
  if (!parsed.ok) throw new Error(`${origin}: ${parsed.detail}`);
  return schemaId(parsed.root);
}

/** The schemas of every release (folder/VERSION/NAME.avsc), oldest first, each as one line of JSON. */
export function readHistory(folder: string): readonly ReleasedSchema[] {
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder)
    .filter((name) => VERSION.test(name))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return versions.flatMap((version) =>
    readdirSync(join(folder, version))
      .filter((file) => file.endsWith('.avsc'))
      .sort()
      .map((file) => {
        const schema = JSON.stringify(JSON.parse(readFileSync(join(folder, version, file), 'utf8')));
        return { version, name: file.replace('.avsc', ''), id: schemaIdOf(`${version}/${file}`, schema), schema };
      }),
  );
}
