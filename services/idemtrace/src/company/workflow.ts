/** One logical workflow while it is played: its part of the company's state, its oracle, and the recording that it leaves. */
import { canonical, type JsonObject } from './json.ts';
import { EffectOracle, type Loss } from './oracle.ts';
import type { Entry, Executed, Play, Settled, WorkflowOptions } from './play.ts';
import { idFrom, type Random } from './random.ts';
import { AgentRun, type RunOptions } from './run.ts';
import { type ToolName, toolOf } from './services/catalog.ts';
import { Refused } from './services/tool.ts';
import type { Store } from './store.ts';

/**
 * The same state as it would be if a lost request had been a lost reply, or the other way round. As long as every answer is the same there,
 * nobody who sees the answers alone can tell which one happened.
 */
interface Twin {
  readonly aim: string;
  readonly store: Store;
  told: boolean;
}

export class Workflow implements Play {
  readonly options: WorkflowOptions;
  readonly oracle = new EffectOracle();
  readonly entries: Entry[] = [];
  readonly #twins: Twin[] = [];
  #executions = 0;

  constructor(options: WorkflowOptions) {
    this.options = options;
  }

  get tenantId(): string {
    return this.options.tenantId;
  }

  get random(): Random {
    return this.options.random;
  }

  run(options: RunOptions): AgentRun {
    return new AgentRun(this, options);
  }

  /** Something that people or other systems do, seen by no agent's recording. */
  meanwhile(act: (store: Store) => void): void {
    for (const store of [this.options.store, ...this.#twins.map((twin) => twin.store)]) act(store);
  }

  newId(prefix: string, part: string): string {
    return idFrom(`${this.options.origin}/${part}`, prefix);
  }

  execute(tool: ToolName, input: JsonObject, now: number, aim: string | undefined, lose: Loss | undefined): Executed {
    this.#executions += 1;
    const origin = `call ${this.#executions}`;
    const perform = (store: Store): Settled => this.#perform(store, tool, input, now, origin);
    const { store } = this.options;
    const before = store.copy();
    const repeated = this.#twins.filter((twin) => aim !== undefined && twin.aim === aim);

    if (lose === 'request') {
      if (aim !== undefined) {
        perform(before);
        this.#twins.push({ aim, store: before, told: false });
      }
      return { settled: { status: 'unknown' }, changes: [], ...judgeRepeats(repeated) };
    }
    const answer = perform(store);
    for (const twin of this.#twins) {
      const there = perform(twin.store);
      if (lose === undefined && canonical({ ...there }) !== canonical({ ...answer })) twin.told = true;
    }
    if (lose === 'reply' && aim !== undefined) this.#twins.push({ aim, store: before.copy(), told: false });
    const settled: Settled = lose === 'reply' ? { status: 'unknown' } : answer;
    return { settled, changes: store.changesSince(before), ...judgeRepeats(repeated) };
  }

  #perform(store: Store, tool: ToolName, input: JsonObject, now: number, origin: string): Settled {
    let ids = 0;
    const newId = (prefix: string) => {
      ids += 1;
      return this.newId(prefix, `${origin}/${ids}`);
    };
    try {
      return { status: 'succeeded', result: toolOf(tool).run({ store, tenantId: this.tenantId, now, newId }, input) };
    } catch (error) {
      if (error instanceof Refused) return { status: 'failed', error: error.message };
      throw error;
    }
  }
}

function judgeRepeats(repeated: readonly Twin[]): Pick<Executed, 'repeatsLost' | 'undecidable'> {
  return { repeatsLost: repeated.length > 0, undecidable: repeated.length > 0 && repeated.every(({ told }) => !told) };
}
