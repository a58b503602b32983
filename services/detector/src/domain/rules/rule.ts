import type { PolicyLookup, RuleName } from '@idemtrace/schemas';
import type { FactLookup } from '../executions.ts';
import type { PositionedEvent } from '../fact.ts';
import type { Finding } from '../finding.ts';

/** What a verdict may look at (W2): the event, facts at earlier positions of its workflow, the policy. */
export interface Judgement {
  readonly positioned: PositionedEvent;
  readonly facts: FactLookup;
  readonly policy: PolicyLookup;
  readonly windowMs: number;
}

export interface Rule<N extends RuleName = RuleName> {
  readonly name: N;
  /** Rises with every change of what the rule finds. */
  readonly version: number;
  judge(judgement: Judgement): readonly Finding[];
}
