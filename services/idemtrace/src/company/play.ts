/** What a workflow offers to the runs of its agents while it is played. */
import type { RecordedLine } from '../recording/types.ts';
import type { Json, JsonObject } from './json.ts';
import type { EffectOracle, Label, Loss } from './oracle.ts';
import type { Random } from './random.ts';
import type { Seam } from './seam.ts';
import type { ToolName } from './services/catalog.ts';
import type { Change, Store } from './store.ts';

/** A line with its label and where it goes among the others. */
export interface Entry {
  readonly at: number;
  readonly line: RecordedLine;
  readonly label: Label;
}

export interface WorkflowOptions {
  readonly tenantId: string;
  readonly workflowId: string;
  /** Where its ids come from: different for every seed. */
  readonly origin: string;
  readonly store: Store;
  readonly random: Random;
  readonly seam: Seam;
}

/** What one physical call came to, as the agent sees it. */
export type Settled =
  | { readonly status: 'succeeded'; readonly result: Json }
  | { readonly status: 'failed'; readonly error: string }
  | { readonly status: 'unknown' };

/** What one physical call came to, as the oracle sees it. */
export interface Executed {
  readonly settled: Settled;
  readonly changes: readonly Change[];
  readonly repeatsLost: boolean;
  readonly undecidable: boolean;
}

export interface Play {
  readonly options: WorkflowOptions;
  readonly oracle: EffectOracle;
  readonly entries: Entry[];
  /** A new id of the workflow: the same one for the same part. */
  newId(prefix: string, part: string): string;
  /**
   * Performs a call on the services, once.
   *
   * @param now when the request arrives, ms since the epoch.
   * @param aim what a write is for; undefined: a read.
   * @param lose what the network swallows.
   */
  execute(tool: ToolName, input: JsonObject, now: number, aim: string | undefined, lose: Loss | undefined): Executed;
}
