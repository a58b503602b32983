/** Money: cards charged, refunds paid, licences ordered. */
import type { AgentRun, CallOptions } from '../run.ts';
import type { Workflow } from '../workflow.ts';
import { MINUTE, openInvoice, retryAfter, type Setting, type Story } from './setting.ts';

interface Payment {
  readonly invoiceId: string;
  readonly amountCents: number;
}

const paymentId = (customerId: string) => `payment/2026-11/${customerId}`;
const CARD = 'card_on_file';

function paymentRun(workflow: Workflow, attempt: number, startsAt: number): AgentRun {
  return workflow.run({ agentId: 'payment-agent', attempt, startsAt });
}

async function lookUp(run: AgentRun, { customer }: Setting, { invoiceId }: Payment): Promise<void> {
  await run.call('customers.get', { customer_id: customer.id });
  await run.call('billing.get_invoice', { invoice_id: invoiceId });
  await run.call('kb.search', { query: 'payment terms card late fee', tenant: customer.tenant_id });
}

function charge(run: AgentRun, { invoiceId, amountCents }: Payment, options: CallOptions = {}) {
  return run.call('billing.charge_card', { invoice_id: invoiceId, amount_cents: amountCents, card: CARD }, { aim: 'charge', ...options });
}

async function receipt(run: AgentRun, { customer }: Setting, { invoiceId }: Payment): Promise<void> {
  const mail = { to: customer.email, subject: 'Payment received', body: `Thank you for paying ${invoiceId}.`, reference_id: invoiceId };
  await run.call('mail.send', mail, { aim: 'receipt' });
  await run.call('billing.get_invoice', { invoice_id: invoiceId });
}

export const isPaid: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const run = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(run, setting, payment);
    await run.call('billing.list_charges', { invoice_id: payment.invoiceId });
    await charge(run, payment);
    await receipt(run, setting, payment);
  },
};

/** The first attempt dies while it is still looking things up. */
export const isPaidAtTheSecondTry: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const first = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(first, setting, payment);
    const second = paymentRun(workflow, 2, retryAfter(workflow, first.clock));
    await lookUp(second, setting, payment);
    await second.call('billing.list_charges', { invoice_id: payment.invoiceId });
    await charge(second, payment);
    await receipt(second, setting, payment);
  },
};

/** The charge happens and its answer is lost; the same run charges again. */
export const chargesTwice: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const run = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(run, setting, payment);
    const toolCallId = workflow.newId('call', 'charge');
    await charge(run, payment, { lose: 'reply', toolCallId });
    await charge(run, payment, { toolCallId });
    await run.call('billing.list_charges', { invoice_id: payment.invoiceId });
    await receipt(run, setting, payment);
  },
};

/** The request never arrives: charging again is the first charge. */
export const chargesAfterSilence: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const run = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(run, setting, payment);
    await charge(run, payment, { lose: 'request' });
    await run.call('billing.list_charges', { invoice_id: payment.invoiceId });
    await charge(run, payment);
    await receipt(run, setting, payment);
  },
};

/** The answer is lost, and the next attempt sees in the list of charges that it need not charge. */
export const seesTheCharge: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const first = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(first, setting, payment);
    await charge(first, payment, { lose: 'reply' });

    const second = paymentRun(workflow, 2, retryAfter(workflow, first.clock));
    await lookUp(second, setting, payment);
    const charges = await second.call('billing.list_charges', { invoice_id: payment.invoiceId });
    if (charges.ok && charges.result.charges.length === 0) await charge(second, payment);
    await receipt(second, setting, payment);
  },
};

/** The second attempt adds a late fee and charges the sum, though the first had charged already. */
export const chargesAnotherAmount: Story = {
  workflowId: paymentId,
  async play(workflow, setting) {
    const payment = openInvoice(workflow, setting);
    const first = paymentRun(workflow, 1, setting.startsAt);
    await lookUp(first, setting, payment);
    await charge(first, payment);
    await first.call('customers.get', { customer_id: setting.customer.id });

    const second = paymentRun(workflow, 2, retryAfter(workflow, first.clock));
    await lookUp(second, setting, payment);
    await charge(second, { ...payment, amountCents: payment.amountCents + 1_500 });
    await receipt(second, setting, payment);
  },
};

/** A refund that waits for a person, then a goodwill refund of the same charge that a person approved too: both are meant. */
export const refundsWithApproval: Story = {
  workflowId: (customerId) => `refund/${customerId}`,
  async play(workflow, setting) {
    const { chargeId, amountCents } = paidCharge(workflow, setting);
    const first = workflow.run({ agentId: 'refund-agent', attempt: 1, startsAt: setting.startsAt });
    await first.call('kb.search', { query: 'refund policy approval goodwill', tenant: setting.customer.tenant_id });
    const approval = await askForApproval(first, workflow, `refund of ${chargeId}`, amountCents);

    const second = workflow.run({ agentId: 'refund-agent', attempt: 2, startsAt: first.clock + 95 * MINUTE });
    await second.call('approvals.get', { approval_id: approval });
    const refund = { charge_id: chargeId, amount_cents: amountCents, reason: 'service outage' };
    await second.call('billing.refund', refund, { aim: 'refund', approvalId: approval });
    const goodwill = await askForApproval(second, workflow, `goodwill for ${chargeId}`, amountCents);
    second.wait(40 * MINUTE);
    await second.call('approvals.get', { approval_id: goodwill });
    await second.call('billing.refund', refund, { aim: 'goodwill refund', approvalId: goodwill });
    await tellRefund(second, setting);
  },
};

/** The refund is paid, but the attempt ends before it can say so; the next one pays it again. */
export const refundsTwice: Story = {
  workflowId: (customerId) => `refund/${customerId}`,
  async play(workflow, setting) {
    const { chargeId, amountCents } = paidCharge(workflow, setting);
    const refund = { charge_id: chargeId, amount_cents: amountCents, reason: 'cancelled in time' };
    const first = workflow.run({ agentId: 'refund-agent', attempt: 1, startsAt: setting.startsAt });
    await first.call('customers.get', { customer_id: setting.customer.id });
    await first.call('kb.search', { query: 'refund policy', tenant: setting.customer.tenant_id });
    await first.call('billing.refund', refund, { aim: 'refund' });

    const second = workflow.run({ agentId: 'refund-agent', attempt: 2, startsAt: retryAfter(workflow, first.clock) });
    await second.call('customers.get', { customer_id: setting.customer.id });
    await second.call('kb.search', { query: 'refund policy', tenant: setting.customer.tenant_id });
    await second.call('billing.refund', refund, { aim: 'refund' });
    await tellRefund(second, setting);
  },
};

/** Ten seats, then ten more for a second team: the agent says that the second purchase is one of its own. */
export const buysAgainOnPurpose: Story = {
  workflowId: (customerId) => `purchase/seats/${customerId}`,
  async play(workflow, setting) {
    const order = { sku: `seats-${setting.customer.id}`, quantity: 10 };
    const run = workflow.run({ agentId: 'procurement-agent', attempt: 1, startsAt: setting.startsAt });
    await run.call('kb.search', { query: 'price list seats discount', tenant: setting.customer.tenant_id });
    await run.call('procurement.list_orders', { sku: order.sku });
    await run.call('procurement.order', order, { aim: 'seats for sales', occurrence: 'sales team' });
    await run.call('procurement.order', order, { aim: 'seats for service', occurrence: 'service team' });
    await run.call('procurement.list_orders', { sku: order.sku });
  },
};

/** The order goes through and its answer is lost; the second attempt orders again. */
export const buysAgainByMistake: Story = {
  workflowId: (customerId) => `purchase/seats/${customerId}`,
  async play(workflow, setting) {
    const order = { sku: `seats-${setting.customer.id}`, quantity: workflow.random.int(3, 12) };
    const first = workflow.run({ agentId: 'procurement-agent', attempt: 1, startsAt: setting.startsAt });
    await first.call('procurement.list_orders', { sku: order.sku });
    await first.call('procurement.order', order, { aim: 'seats', lose: 'reply' });

    const second = workflow.run({ agentId: 'procurement-agent', attempt: 2, startsAt: retryAfter(workflow, first.clock) });
    await second.call('kb.search', { query: 'price list seats discount', tenant: setting.customer.tenant_id });
    await second.call('procurement.order', order, { aim: 'seats' });
    await second.call('procurement.list_orders', { sku: order.sku });
  },
};

function paidCharge(workflow: Workflow, setting: Setting): { chargeId: string; amountCents: number } {
  const { invoiceId, amountCents } = openInvoice(workflow, setting);
  const chargeId = workflow.newId('ch', 'earlier charge');
  workflow.meanwhile((store) => {
    const row = { id: chargeId, invoice_id: invoiceId, amount_cents: amountCents, card: CARD, created_at: '2026-11-01T07:00:00.000Z' };
    store.put('charges', row);
  });
  return { chargeId, amountCents };
}

/** Asks, looks once, and answers with the approval's id. A person approves it some time later. */
async function askForApproval(run: AgentRun, workflow: Workflow, subject: string, amountCents: number): Promise<string> {
  const asked = await run.call('approvals.request', { subject, amount_cents: amountCents }, { aim: subject });
  if (!asked.ok) return '';
  const { approval_id } = asked.result;
  await run.call('approvals.get', { approval_id });
  workflow.meanwhile((store) => {
    const row = store.get('approvals', approval_id);
    if (row !== undefined) store.put('approvals', { ...row, state: 'approved' });
  });
  return approval_id;
}

async function tellRefund(run: AgentRun, { customer }: Setting): Promise<void> {
  const mail = { to: customer.email, subject: 'Your refund', body: `Dear ${customer.name}, your refund is on its way.` };
  await run.call('mail.send', mail, { aim: 'refund e-mail', groundedOn: run.retrievals.slice(-1) });
}
