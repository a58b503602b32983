/**
 * The state of the simulated company: tables of rows, each row replaced as a whole and never changed in place. So a copy is cheap, and what
 * a call did to the state is seen by comparing the rows before and after.
 */
import { canonical, type Json } from './json.ts';

export interface Tables {
  readonly customers: { id: string; tenant_id: string; name: string; email: string; calendar_id: string };
  readonly usage: { id: string; customer_id: string; period: string; item_id: string; description: string; amount_cents: number };
  readonly invoices: { id: string; customer_id: string; period: string; status: 'draft' | 'final' };
  readonly invoice_lines: {
    id: string;
    invoice_id: string;
    item_id: string;
    description: string;
    amount_cents: number;
    created_at: string;
  };
  readonly charges: { id: string; invoice_id: string; amount_cents: number; card: string; created_at: string };
  readonly refunds: { id: string; charge_id: string; amount_cents: number; reason: string; created_at: string };
  readonly orders: { id: string; tenant_id: string; sku: string; quantity: number; amount_cents: number; created_at: string };
  readonly entitlements: { id: string; plan: string; active: boolean };
  readonly outbox: { id: string; to: string; subject: string; body: string; created_at: string };
  readonly deliveries: { id: string; url: string; event: string; subject_id: string; created_at: string };
  readonly events: { id: string; calendar_id: string; title: string; start: string; attendee: string; created_at: string };
  readonly tickets: { id: string; tenant_id: string; customer_id: string; queue: string; subject: string; status: string };
  readonly comments: { id: string; ticket_id: string; body: string; created_at: string };
  readonly approvals: { id: string; subject: string; amount_cents: number; state: 'pending' | 'approved'; created_at: string };
  readonly jobs: { id: string; dataset: string; period: string; done_at: string | null; created_at: string };
}
export type TableName = keyof Tables;
export type Row<T extends TableName> = Readonly<Tables[T]>;

/** What happened to one row. */
export interface Change {
  readonly table: TableName;
  readonly id: string;
  readonly before: { readonly [name: string]: Json } | undefined;
  readonly after: { readonly [name: string]: Json };
}

type AnyRow = Readonly<{ id: string }>;

export class Store {
  readonly #rows: Map<string, AnyRow>;

  constructor(rows: ReadonlyMap<string, AnyRow> = new Map()) {
    this.#rows = new Map(rows);
  }

  copy(): Store {
    return new Store(this.#rows);
  }

  put<T extends TableName>(table: T, row: Row<T>): void {
    this.#rows.set(`${table}.${row.id}`, Object.freeze(row));
  }

  get<T extends TableName>(table: T, id: string): Row<T> | undefined {
    return this.#rows.get(`${table}.${id}`) as Row<T> | undefined;
  }

  /** Rows of a table in the order in which they came. */
  all<T extends TableName>(table: T, where: (row: Row<T>) => boolean = () => true): readonly Row<T>[] {
    const found: Row<T>[] = [];
    for (const [key, row] of this.#rows) if (key.startsWith(`${table}.`) && where(row as Row<T>)) found.push(row as Row<T>);
    return found;
  }

  /** What is different here from an earlier copy, row by row. A row that was written as it stood is no change. */
  changesSince(earlier: Store): readonly Change[] {
    const changes: Change[] = [];
    for (const [key, after] of this.#rows) {
      const before = earlier.#rows.get(key);
      if (before === after || (before !== undefined && canonical(before) === canonical(after))) continue;
      const table = key.slice(0, key.indexOf('.')) as TableName;
      changes.push({ table, id: after.id, before, after });
    }
    return changes;
  }
}
