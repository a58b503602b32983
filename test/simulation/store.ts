/** A simulated ClickHouse: rows of tables, and the tokens of inserts that it remembers. */
import { ClickHouseError } from '@clickhouse/client';
import type { Insert } from '@idemtrace/lineage/internal';
import type { LogRecord } from '@idemtrace/stream';
import type { Process, World } from './world.ts';

/** Faults of the store, as probabilities of each call. */
export interface StoreFaults {
  /** Nothing of the insert happened. */
  storeAway: number;
  /** The rows are in, and whoever sent them does not learn of it. */
  acknowledgementLost: number;
}

/** How a record is named in differences. */
export function positionOf({ partition, offset }: Pick<LogRecord, 'partition' | 'offset'>): string {
  return `${partition}/${offset}`;
}

/** A real server remembers the last thousand blocks of a table. */
const TOKENS = 1000;

export class Store {
  readonly #world: World;
  readonly #faults: StoreFaults;
  /** Rows that it will never take. */
  readonly #isRefused: (record: LogRecord) => boolean;
  readonly #tokens: string[] = [];
  /** Position of each row's record, in the order of the inserts. */
  readonly rows: string[] = [];

  constructor(world: World, faults: StoreFaults, isRefused: (record: LogRecord) => boolean) {
    this.#world = world;
    this.#faults = faults;
    this.#isRefused = isRefused;
  }

  async insert(process: Process, { table, blocks, token }: Insert): Promise<void> {
    const { random } = this.#world;
    await this.#world.turn(process, 'insert');
    if (random.chance(this.#faults.storeAway)) {
      this.#world.count('fault: store away');
      throw new Error('the store is away');
    }
    const records = blocks.flatMap((block) => block.records);
    if (records.some(this.#isRefused)) {
      this.#world.count('fault: row refused');
      throw new ClickHouseError({ message: 'no value of its column', code: '27', type: 'CANNOT_PARSE_INPUT_ASSERTION_FAILED' });
    }
    const remembered = `${table.name} ${token}`;
    if (this.#tokens.includes(remembered)) this.#world.count('insert known by its token');
    else {
      this.#tokens.push(remembered);
      if (this.#tokens.length > TOKENS) this.#tokens.shift();
      this.rows.push(...records.map(positionOf));
    }
    await this.#world.turn(process, 'inserted');
    if (!random.chance(this.#faults.acknowledgementLost)) return;
    this.#world.count('fault: acknowledgement lost');
    throw new Error('the connection was cut');
  }
}
