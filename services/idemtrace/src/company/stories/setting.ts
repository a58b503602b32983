/** What every story starts from: a customer of a tenant, and a morning. */
import type { Row } from '../store.ts';
import type { Workflow } from '../workflow.ts';

export interface Setting {
  readonly customer: Row<'customers'>;
  /** When the first attempt starts, ms since the epoch. */
  readonly startsAt: number;
}

export interface Story {
  /** What the workflow is called, e.g. `invoice-run/2026-11/acme-042`. */
  readonly workflowId: (customerId: string) => string;
  readonly play: (workflow: Workflow, setting: Setting) => Promise<void>;
}

export const PERIOD = '2026-11';
export const MINUTE = 60_000;

/** When the scheduler starts a workflow again after an attempt that came to nothing. */
export function retryAfter(workflow: Workflow, clock: number): number {
  return clock + workflow.random.int(3, 12) * MINUTE;
}

const ITEMS = [
  ['base', 'Base plan'],
  ['seats', 'Seats'],
  ['storage', 'Storage'],
  ['support', 'Support hours'],
  ['api', 'API calls'],
  ['training', 'Training day'],
  ['backup', 'Backup copies'],
] as const;

export interface Item {
  readonly item_id: string;
  readonly description: string;
  readonly amount_cents: number;
}

/** A draft invoice for the period, and the usage that belongs on it. */
export function draftInvoice(workflow: Workflow, { customer }: Setting, itemCount: number): { invoiceId: string; items: readonly Item[] } {
  const { random } = workflow;
  const invoiceId = workflow.newId('inv', 'invoice');
  const items = ITEMS.slice(0, itemCount).map(([name, text]) => ({
    item_id: `itm_${customer.id.replace('-', '_')}_${name}`,
    description: `${text}, November 2026`,
    amount_cents: random.int(40, 900) * 50,
  }));
  workflow.meanwhile((store) => {
    store.put('invoices', { id: invoiceId, customer_id: customer.id, period: PERIOD, status: 'draft' });
    for (const item of items) store.put('usage', { id: item.item_id, customer_id: customer.id, period: PERIOD, ...item });
  });
  return { invoiceId, items };
}

/** An invoice that is out already, with one line. */
export function openInvoice(workflow: Workflow, setting: Setting): { invoiceId: string; amountCents: number } {
  const { invoiceId, items } = draftInvoice(workflow, setting, 1);
  const amountCents = items.reduce((sum, item) => sum + item.amount_cents, 0);
  workflow.meanwhile((store) => {
    for (const item of items) {
      store.put('invoice_lines', {
        id: workflow.newId('inl', item.item_id),
        invoice_id: invoiceId,
        ...item,
        created_at: '2026-11-01T06:00:00.000Z',
      });
    }
    store.put('invoices', { id: invoiceId, customer_id: setting.customer.id, period: PERIOD, status: 'final' });
  });
  return { invoiceId, amountCents };
}
