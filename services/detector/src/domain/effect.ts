/** The effect class that a verdict rests on, and how sure it is. */
import type { DeclaredEffectClass, PolicyLookup } from '@idemtrace/schemas';
import type { CallFact } from './fact.ts';
import type { DeclaredSeverity } from './finding.ts';

export interface JudgedEffect {
  readonly effectClass: DeclaredEffectClass;
  /** Somebody said so: policy, code, or an explicit annotation. An inferred class yields warning at most. */
  readonly declared: boolean;
}

/** The detector's policy wins over what the record says. A class that this version does not know is taken for an inferred write. */
export function effectOf(call: Pick<CallFact, 'tool' | 'effectClass' | 'effectClassSource'>, policy: PolicyLookup): JudgedEffect {
  const byPolicy = policy.effectOf(call.tool);
  if (byPolicy !== undefined) return { effectClass: byPolicy, declared: true };
  if (call.effectClass === 'unspecified') return { effectClass: 'write', declared: false };
  return { effectClass: call.effectClass, declared: call.effectClassSource !== 'inferred' && call.effectClassSource !== 'unspecified' };
}

/** Bounds a severity by how sure the class is. */
export function bounded(severity: DeclaredSeverity, effect: JudgedEffect): DeclaredSeverity {
  return severity === 'critical' && !effect.declared ? 'warning' : severity;
}
