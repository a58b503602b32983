/** Invoices, their lines, charges and refunds. Answers with records, as billing services do. Keeps no promise of its own about repeats. */
import type { Desk } from './tool.ts';
import { found, Refused, read, stamp, write } from './tool.ts';

function invoiceOf({ store }: Desk, invoiceId: string) {
  const invoice = found(store.get('invoices', invoiceId), 'invoice');
  const lines = store.all('invoice_lines', (line) => line.invoice_id === invoiceId);
  const charges = store.all('charges', (charge) => charge.invoice_id === invoiceId);
  return {
    invoice_id: invoice.id,
    customer_id: invoice.customer_id,
    period: invoice.period,
    status: invoice.status,
    lines: lines.map(({ id, item_id, amount_cents }) => ({ line_id: id, item_id, amount_cents })),
    total_cents: lines.reduce((sum, line) => sum + line.amount_cents, 0),
    paid_cents: charges.reduce((sum, charge) => sum + charge.amount_cents, 0),
  };
}

export const billingTools = {
  'billing.get_invoice': read((desk, { invoice_id }: { invoice_id: string }) => invoiceOf(desk, invoice_id)),

  'billing.list_usage': read(({ store }, { customer_id, period }: { customer_id: string; period: string }) =>
    store
      .all('usage', (item) => item.customer_id === customer_id && item.period === period)
      .map(({ item_id, description, amount_cents }) => ({ item_id, description, amount_cents })),
  ),

  'billing.create_invoice_line': write((desk, line: { invoice_id: string; item_id: string; description: string; amount_cents: number }) => {
    if (found(desk.store.get('invoices', line.invoice_id), 'invoice').status === 'final') throw new Refused('invoice is final');
    const row = { id: desk.newId('inl'), ...line, created_at: stamp(desk.now) };
    desk.store.put('invoice_lines', row);
    const { invoice_id, item_id, description, amount_cents } = row;
    return {
      line_id: row.id,
      invoice_id,
      item_id,
      description,
      amount_cents,
      invoice_total_cents: invoiceOf(desk, invoice_id).total_cents,
    };
  }),

  'billing.finalize_invoice': write((desk, { invoice_id }: { invoice_id: string }) => {
    const invoice = found(desk.store.get('invoices', invoice_id), 'invoice');
    desk.store.put('invoices', { ...invoice, status: 'final' });
    const { status, total_cents } = invoiceOf(desk, invoice_id);
    return { invoice_id, status, total_cents };
  }),

  'billing.charge_card': write((desk, charge: { invoice_id: string; amount_cents: number; card: string }) => {
    found(desk.store.get('invoices', charge.invoice_id), 'invoice');
    const row = { id: desk.newId('ch'), ...charge, created_at: stamp(desk.now) };
    desk.store.put('charges', row);
    return { charge_id: row.id, invoice_id: row.invoice_id, amount_cents: row.amount_cents, card: row.card, status: 'captured' };
  }),

  'billing.list_charges': read(({ store }, { invoice_id }: { invoice_id: string }) => ({
    charges: store
      .all('charges', (charge) => charge.invoice_id === invoice_id)
      .map(({ id, amount_cents, created_at }) => ({ charge_id: id, amount_cents, created_at })),
  })),

  'billing.refund': write((desk, refund: { charge_id: string; amount_cents: number; reason: string }) => {
    found(desk.store.get('charges', refund.charge_id), 'charge');
    const row = { id: desk.newId('re'), ...refund, created_at: stamp(desk.now) };
    desk.store.put('refunds', row);
    return { refund_id: row.id, charge_id: row.charge_id, amount_cents: row.amount_cents, status: 'paid out' };
  }),

  'procurement.list_orders': read(({ store, tenantId }, { sku }: { sku: string }) =>
    store
      .all('orders', (order) => order.tenant_id === tenantId && order.sku === sku)
      .map(({ id, quantity, amount_cents }) => ({ order_id: id, quantity, amount_cents })),
  ),

  'procurement.order': write((desk, order: { sku: string; quantity: number }) => {
    const row = {
      id: desk.newId('ord'),
      tenant_id: desk.tenantId,
      ...order,
      amount_cents: order.quantity * 4_900,
      created_at: stamp(desk.now),
    };
    desk.store.put('orders', row);
    return { order_id: row.id, sku: row.sku, quantity: row.quantity, amount_cents: row.amount_cents };
  }),
};
