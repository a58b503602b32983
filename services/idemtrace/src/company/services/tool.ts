/** What a tool of the company's services is. */
import type { Json, JsonObject } from '../json.ts';
import type { Store } from '../store.ts';

/** What a service has at hand while it answers one call. */
export interface Desk {
  readonly store: Store;
  readonly tenantId: string;
  /** When the request arrives, ms since the epoch. */
  readonly now: number;
  /** A new id; the same one wherever the same call is made again in another world. */
  newId(prefix: string): string;
}

/** A document as the index returned it, with what retrieval tells of it. */
export interface FoundDocument {
  readonly id: string;
  readonly tenantId: string | undefined;
  readonly score: number;
  readonly text: string;
}

export interface Tool<I extends JsonObject, O extends Json> {
  readonly kind: 'read' | 'write';
  /** Answers, or throws `Refused`: then nothing has happened. */
  run(desk: Desk, input: I): O;
  /** For a tool that searches: what it found, beside its answer. */
  readonly search?: { readonly dataSource: string; find(desk: Desk, input: I): readonly FoundDocument[] };
}

/** The service said no before anything happened. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export function read<I extends JsonObject, O extends Json>(run: (desk: Desk, input: I) => O): Tool<I, O> {
  return { kind: 'read', run };
}

export function write<I extends JsonObject, O extends Json>(run: (desk: Desk, input: I) => O): Tool<I, O> {
  return { kind: 'write', run };
}

export function stamp(time: number): string {
  return new Date(time).toISOString();
}

export function found<T>(row: T | undefined, what: string): T {
  if (row === undefined) throw new Refused(`${what} not found`);
  return row;
}
