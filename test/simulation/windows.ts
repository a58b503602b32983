/** A simulated window store: the memory store as the server, reached by processes whose calls and answers may be lost. */
import { type Marker, MemoryWindows, type WindowBatch, type WindowStore } from '@idemtrace/detector';
import type { Process, World } from './world.ts';

export interface WindowFaults {
  /** The call is lost: nothing happened. */
  request: number;
  /** The answer is lost: it happened. */
  answer: number;
}

type Write = { readonly begin: Omit<Marker, 'hi'>; readonly partition: number } | { readonly apply: WindowBatch };

/** The server: shared by all processes, and outlives them. Its state is the sum of its writes, so an older one can be restored. */
export class WindowServer {
  readonly world: World;
  readonly faults: WindowFaults;
  readonly #windowMs: number;
  #store: MemoryWindows;
  #writes: Write[] = [];

  constructor(world: World, windowMs: number, faults: WindowFaults) {
    this.world = world;
    this.faults = faults;
    this.#windowMs = windowMs;
    this.#store = new MemoryWindows({ windowMs });
  }

  get store(): MemoryWindows {
    return this.#store;
  }

  note(write: Write): void {
    this.#writes.push(write);
  }

  /** Every key is gone. */
  flush(): void {
    this.world.tell('windows flushed');
    this.#writes = [];
    this.#store = new MemoryWindows({ windowMs: this.#windowMs });
  }

  /** Starts again from a state that it was in before: an older dump, or a replica that lagged. */
  async restore(): Promise<void> {
    this.#writes = this.#writes.slice(0, this.world.random.below(this.#writes.length + 1));
    this.world.tell(`windows restored to their first ${this.#writes.length} writes`);
    this.#store = new MemoryWindows({ windowMs: this.#windowMs });
    for (const write of this.#writes) {
      if ('apply' in write) await this.#store.apply(write.apply);
      else await this.#store.begin(write.partition, write.begin);
    }
  }
}

class WindowsAway extends Error {
  readonly code = 'away';
}

export function windowsOf(server: WindowServer, process: Process): WindowStore {
  const { world, faults } = server;
  const lost = (what: 'request' | 'answer') => {
    if (!world.random.chance(faults[what])) return;
    world.count(`fault: window ${what} lost`);
    throw new WindowsAway('the window store is away');
  };
  async function call<T>(point: string, effect: () => Promise<T>): Promise<T> {
    await world.turn(process, point);
    lost('request');
    const answer = await effect();
    await world.turn(process, `${point}, answered`);
    lost('answer');
    return answer;
  }
  return {
    marker: (partition) => call('read marker', () => server.store.marker(partition)),
    begin: (partition, marker) =>
      call('begin window', () => {
        server.note({ begin: marker, partition });
        return server.store.begin(partition, marker);
      }),
    apply: (batch) =>
      call('apply facts', async () => {
        const applied = await server.store.apply(batch);
        if (applied.status === 'applied') server.note({ apply: batch });
        // The answer is a copy: what others write later is not in it.
        return applied.status === 'lost' ? applied : { ...applied, view: copied(applied.view, batch) };
      }),
    close: async () => {},
  };
}

type Applied = Extract<Awaited<ReturnType<WindowStore['apply']>>, { status: 'applied' }>;

function copied(view: Applied['view'], batch: WindowBatch): Applied['view'] {
  const histories = new Map<string, ReturnType<typeof view.history>>();
  const facts = new Map<string, ReturnType<typeof view.fact>>();
  for (const { workflow, histories: names, fact } of batch.facts) {
    for (const name of names) {
      const { folded, facts: held } = view.history(workflow, name);
      histories.set(`${workflow} ${name}`, { folded, facts: [...held] });
    }
    facts.set(`${workflow} ${fact.id}`, view.fact(workflow, fact.id));
  }
  return {
    history: (workflow, key) => histories.get(`${workflow} ${key}`) ?? view.history(workflow, key),
    fact: (workflow, id) => (facts.has(`${workflow} ${id}`) ? facts.get(`${workflow} ${id}`) : view.fact(workflow, id)),
  };
}
