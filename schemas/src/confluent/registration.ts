/** What the operator does with the registry: register the schemas of this version, and look at what is registered. */
import { fullTransitiveMistakes } from '../compatibility.ts';
import { RECORD_NAMES } from '../current.ts';
import { RegistryError } from '../errors.ts';
import { SCHEMAS } from '../generated/schemas.ts';
import type { RecordName } from '../generated/types.ts';
import { type ConfluentRegistryOptions, type RegistryClient, registryClient } from './client.ts';
import { subjectOf } from './lookups.ts';

export interface RegisteredSchema {
  readonly name: RecordName;
  readonly subject: string;
  /** Id of the current schema. */
  readonly id: number;
  /** False where it was registered before. */
  readonly isNew: boolean;
}

export interface RegistrationOptions {
  /** Level set for every subject. Default, and what the schemas are made for: `FULL_TRANSITIVE`. */
  readonly compatibility?: 'FULL_TRANSITIVE' | 'FULL' | 'BACKWARD_TRANSITIVE' | 'BACKWARD' | 'FORWARD_TRANSITIVE' | 'FORWARD' | 'NONE';
}

/**
 * Registers the current schema of every record under its full name. Idempotent. The level is set before: set after, as most clients do, it would
 * not hold for a version that somebody registers in between. Rejects with `RegistryError`: `incompatible` names the subject and what does not fit.
 */
export async function registerSchemas(
  registry: ConfluentRegistryOptions,
  { compatibility = 'FULL_TRANSITIVE' }: RegistrationOptions = {},
): Promise<readonly RegisteredSchema[]> {
  const client = registryClient(registry);
  const registered: RegisteredSchema[] = [];
  for (const name of RECORD_NAMES) {
    const subject = subjectOf(name);
    await client.setCompatibility(subject, compatibility);
    const before = await client.find(subject, SCHEMAS[name]);
    registered.push({ name, subject, id: before?.id ?? (await register(client, subject, SCHEMAS[name])), isNew: before === undefined });
  }
  return registered;
}

async function register(client: RegistryClient, subject: string, schema: string): Promise<number> {
  try {
    return await client.register(subject, schema);
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === 'incompatible')) throw error;
    const versions = await client.versionsOf(subject);
    const mistakes = fullTransitiveMistakes(
      schema,
      versions.map((version) => ({ version: `version ${version.version}`, schema: version.schema })),
    );
    // Where our own rules find nothing, what the registry says has to do.
    if (mistakes.length === 0) throw error;
    throw new RegistryError('incompatible', `${subject} is not compatible with what is registered: ${mistakes.join('; ')}.`, {
      cause: error,
    });
  }
}

/** How the registry stands to one record's schema. */
export interface SchemaFinding {
  readonly name: RecordName;
  readonly subject: string;
  /** `other_versions`: the subject is there, the current schema is not; then this version of idemtrace writes nothing. */
  readonly state: 'registered' | 'other_versions' | 'missing';
  /** Of the current schema. */
  readonly id: number | undefined;
  /** Level in force, the subject's own or the registry's; some registries have none for a subject that is missing. */
  readonly compatibility: string | undefined;
}

/** Registers and changes nothing. Rejects with `RegistryError`. */
export async function checkSchemas(registry: ConfluentRegistryOptions): Promise<readonly SchemaFinding[]> {
  const client = registryClient(registry);
  const findings: SchemaFinding[] = [];
  for (const name of RECORD_NAMES) {
    const subject = subjectOf(name);
    const found = await client.find(subject, SCHEMAS[name]);
    const state = found !== undefined ? 'registered' : (await client.hasVersions(subject)) ? 'other_versions' : 'missing';
    findings.push({ name, subject, state, id: found?.id, compatibility: await client.compatibilityOf(subject) });
  }
  return findings;
}
