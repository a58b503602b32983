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
  readonly source: Exclude<EffectClassSource, 'unspecified'>;
}

/** The policy wins (its `defaultEffect` too), then what the code declares, then annotations, then what the name looks like. */
export function resolveEffectClass(
  tool: string,
  policy: PolicyLookup,
  declared: DeclaredEffectClass | undefined,
  annotations: ToolAnnotations | undefined,
): ResolvedClass {
  const byPolicy = policy.effectOf(tool);
  if (byPolicy !== undefined) return { effectClass: byPolicy, source: 'policy' };
  if (declared !== undefined) return { effectClass: declared, source: 'code' };
  const annotated = annotations === undefined ? undefined : annotatedClass(annotations);
  if (annotated !== undefined) return { effectClass: annotated, source: 'annotation' };
  return { effectClass: readsByName(tool) ? 'read' : 'write', source: 'inferred' };
}

function annotatedClass({ readOnlyHint, idempotentHint, destructiveHint }: ToolAnnotations): DeclaredEffectClass | undefined {
  if (readOnlyHint === true) return 'read';
  if (idempotentHint === true) return 'idempotent_write';
  if (readOnlyHint === false || idempotentHint === false || typeof destructiveHint === 'boolean') return 'write';
  return undefined;
}

const READING_VERBS = new Set(
  (
    'get list search find fetch read lookup look query describe show view check count retrieve calculate compute think is has can exists ' +
    'validate preview summarize estimate compare inspect browse download peek scan explain analyze watch poll ping'
  ).split(' '),
);
const JOINING_WORDS = new Set(['and', 'or', 'then']);

/** A guess, and marked as one: the last part of the name starts with a verb that reads, and joins no second verb to it. */
function readsByName(tool: string): boolean {
  const own = tool.split(/[./:]|__/).at(-1) ?? tool;
  const words = own
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  return READING_VERBS.has(words[0] ?? '') && !words.some((word) => JOINING_WORDS.has(word));
}
