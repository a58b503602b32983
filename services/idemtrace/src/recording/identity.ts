/**
 * Ids of a replay, derived from the file's digest and a line's place in it, so that a second replay of the same file is a redelivery. Only a
 * replay derives ids: a live execution's id is minted where its tool is invoked.
 */
import { hash } from 'node:crypto';
import type { FileDigest } from './read.ts';

/** What a derived id is for: ids for different purposes differ though they come from the same line. */
export type DerivedPurpose = 'execution' | 'retrieval';

/** A UUID of version 8 (RFC 9562, section 5.8: custom): the first 122 bits that remain of a SHA-256. */
function uuidOf(...parts: readonly string[]): string {
  const digest = hash('sha256', JSON.stringify(['idemtrace replay', ...parts]), 'hex');
  const variant = ((Number.parseInt(digest.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The id of what a line tells, where the line gives none. */
export function derivedUuid(file: FileDigest, line: number, purpose: DerivedPurpose): string {
  return uuidOf(file, purpose, String(line));
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The id of a retrieval that its line names: a UUID as it is, any other name as one derived within its workflow, so that calls that say what
 * they rest on still find it.
 */
export function retrievalUuid(file: FileDigest, { tenantId, workflowId }: { tenantId: string; workflowId: string }, given: string): string {
  return UUID.test(given) ? given.toLowerCase() : uuidOf(file, 'named retrieval', tenantId, workflowId, given);
}

/**
 * The emitter that a file is for one tenant. One for each tenant, because a tenant may only see its own events, and gaps in what it sees
 * must mean that something is missing.
 */
export function emitterIdOf(file: FileDigest, tenantId: string): string {
  return uuidOf(file, 'emitter', tenantId);
}
