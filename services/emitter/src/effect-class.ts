import type { EffectClassSource } from '@idemtrace/schemas';
import type { DeclaredEffectClass, PolicyLookup } from '@idemtrace/schemas/policy';

/** A tool's hints as the Model Context Protocol names them. Only what is set explicitly counts: the protocol's defaults say nothing. */
export interface ToolAnnotations {
  readonly readOnlyHint?: boolean | undefined;
  readonly idempotentHint?: boolean | undefined;
  readonly destructiveHint?: boolean | undefined;
}

export interface ResolvedClass {
  readonly effectClass: DeclaredEffectClass;
  readonly effectClassSource: Exclude<EffectClassSource, 'unspecified'>;
}

/** The policy wins (its `defaultEffect` too), then what the code declares, then annotations, then what the name looks like. */
export function resolveEffectClass(
  tool: string,
  policy: PolicyLookup,
  declared: DeclaredEffectClass | undefined,
  annotations: ToolAnnotations | undefined,
): ResolvedClass {
  const byPolicy = policy.effectOf(tool);
  if (byPolicy !== undefined) return { effectClass: byPolicy, effectClassSource: 'policy' };
  if (declared !== undefined) return { effectClass: declared, effectClassSource: 'code' };
  const annotated = annotations === undefined ? undefined : annotatedClass(annotations);
  if (annotated !== undefined) return { effectClass: annotated, effectClassSource: 'annotation' };
  return { effectClass: readsByName(tool) ? 'read' : 'write', effectClassSource: 'inferred' };
}

function annotatedClass({ readOnlyHint, idempotentHint, destructiveHint }: ToolAnnotations): DeclaredEffectClass | undefined {
  if (readOnlyHint === true) return 'read';
  if (idempotentHint === true) return 'idempotent_write';
  if (readOnlyHint === false || idempotentHint === false || typeof destructiveHint === 'boolean') return 'write';
  return undefined;
}

const READING_VERB =
  /^_*(get|list|search|find|fetch|read|look(up)?|query|describe|show|view|check|count|retrieve|calculate|compute|think|is|has|validate|preview|compare|inspect)(_|$)/;
const JOINED = /_(and|or|then)_/;

/** A guess, and marked as one: the last part of the name starts with a verb that reads, and joins no second verb to it. */
function readsByName(tool: string): boolean {
  const words = tool
    .replace(/^.*([./:]|__)/s, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^a-z0-9]+/gi, '_')
    .toLowerCase();
  return READING_VERB.test(words) && !JOINED.test(words);
}
