/** The billing agent's month: entitlement, invoice lines, e-mail, web hook. */
import type { AgentRun, CallOptions } from '../run.ts';
import type { Workflow } from '../workflow.ts';
import { draftInvoice, type Item, PERIOD, retryAfter, type Setting, type Story } from './setting.ts';

const workflowId = (customerId: string) => `invoice-run/${PERIOD}/${customerId}`;

interface Job extends Setting {
  readonly invoiceId: string;
}

async function lookUp(run: AgentRun, { customer, invoiceId }: Job): Promise<void> {
  await run.call('customers.get', { customer_id: customer.id });
  await run.call('billing.get_invoice', { invoice_id: invoiceId });
  await run.call('billing.list_usage', { customer_id: customer.id, period: PERIOD });
  await run.call('kb.search', { query: 'payment terms invoice due', tenant: customer.tenant_id });
}

async function grant(run: AgentRun, { customer }: Job, plan = 'team'): Promise<void> {
  await run.call('entitlements.grant', { customer_id: customer.id, plan }, { aim: 'entitlement' });
}

function addLine(run: AgentRun, { invoiceId }: Job, item: Item, options: CallOptions = {}) {
  return run.call('billing.create_invoice_line', { invoice_id: invoiceId, ...item }, { aim: `line ${item.item_id}`, ...options });
}

function sendInvoice(run: AgentRun, { customer, invoiceId }: Job, options: CallOptions & { subject?: string; body?: string } = {}) {
  const {
    subject = `Your invoice for ${PERIOD}`,
    body = `Dear ${customer.name}, please find invoice ${invoiceId} attached.`,
    ...rest
  } = options;
  const mail = { to: customer.email, subject, body, reference_id: invoiceId };
  return run.call('mail.send', mail, { aim: 'invoice e-mail', groundedOn: run.retrievals.slice(-1), ...rest });
}

async function notify(run: AgentRun, workflow: Workflow, { invoiceId }: Job): Promise<void> {
  const nonce = workflow.random.word().toString(16);
  const hook = { url: 'https://hooks.example.com/billing', event: 'invoice.sent', subject_id: invoiceId, nonce };
  await run.call('webhooks.post', hook, { aim: 'web hook' });
}

function billingRun(workflow: Workflow, attempt: number, startsAt: number): AgentRun {
  return workflow.run({ agentId: 'billing-agent', attempt, startsAt });
}

/** Four steps. The process dies in step 3, the answer to its e-mail lost; the scheduler starts it again, and it begins with step 1. */
export const diesInStepThree: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, 1);
    const job = { ...setting, invoiceId };
    const first = billingRun(workflow, 1, setting.startsAt);
    await lookUp(first, job);
    await grant(first, job);
    for (const item of items) await addLine(first, job, item);
    await sendInvoice(first, job, { lose: 'reply' });

    const second = billingRun(workflow, 2, retryAfter(workflow, first.clock));
    await lookUp(second, job);
    await grant(second, job);
    for (const item of items) await addLine(second, job, item);
    await sendInvoice(second, job);
    await notify(second, workflow, job);
  },
};

/** The whole job in one run, its lines going out side by side. */
async function wholeJob(run: AgentRun, workflow: Workflow, job: Job, items: readonly Item[]): Promise<void> {
  await lookUp(run, job);
  await grant(run, job);
  await run.together(items, (item) => addLine(run, job, item));
  await run.call('billing.finalize_invoice', { invoice_id: job.invoiceId }, { aim: 'final' });
  await run.call('billing.get_invoice', { invoice_id: job.invoiceId });
  await sendInvoice(run, job);
  await notify(run, workflow, job);
}

/** One attempt, no trouble. */
export const goesThrough: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, workflow.random.int(4, 7));
    await wholeJob(billingRun(workflow, 1, setting.startsAt), workflow, { ...setting, invoiceId }, items);
  },
};

/** The first attempt dies while it is still looking things up: the second reads them again, and that is all that is there twice. */
export const goesThroughAtTheSecondTry: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, workflow.random.int(4, 7));
    const job = { ...setting, invoiceId };
    const first = billingRun(workflow, 1, setting.startsAt);
    await lookUp(first, job);
    await wholeJob(billingRun(workflow, 2, retryAfter(workflow, first.clock)), workflow, job, items);
  },
};

/** The service turns some lines away before it takes them: asking again is right, and nothing is there twice. */
export const isTurnedAway: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, workflow.random.int(4, 6));
    const job = { ...setting, invoiceId };
    const run = billingRun(workflow, 1, setting.startsAt);
    await lookUp(run, job);
    await grant(run, job);
    for (const [index, item] of items.entries()) {
      const toolCallId = workflow.newId('call', item.item_id);
      if (index % 2 === 1) await addLine(run, job, item, { toolCallId, refuse: 'too many requests, nothing was done' });
      await addLine(run, job, item, { toolCallId });
    }
    await run.call('billing.finalize_invoice', { invoice_id: invoiceId }, { aim: 'final' });
    await sendInvoice(run, job);
    await notify(run, workflow, job);
  },
};

/** The request of the e-mail is lost. The second attempt looks before it acts: the lines are there, the e-mail is not. */
export const looksBeforeItActs: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, 3);
    const job = { ...setting, invoiceId };
    const first = billingRun(workflow, 1, setting.startsAt);
    await lookUp(first, job);
    await grant(first, job);
    await first.together(items, (item) => addLine(first, job, item));
    await sendInvoice(first, job, { lose: 'request' });

    const second = billingRun(workflow, 2, retryAfter(workflow, first.clock));
    await lookUp(second, job);
    await second.call('entitlements.get', { customer_id: setting.customer.id });
    await second.call('mail.list_sent', { to: setting.customer.email });
    await sendInvoice(second, job);
    await notify(second, workflow, job);
  },
};

/** The second attempt makes another plan: the same item with the discount taken off, a bigger plan, the same e-mail in other words. */
export const plansAnew: Story = {
  workflowId,
  async play(workflow, setting) {
    const { invoiceId, items } = draftInvoice(workflow, setting, 1);
    const job = { ...setting, invoiceId };
    const first = billingRun(workflow, 1, setting.startsAt);
    await lookUp(first, job);
    await grant(first, job);
    for (const item of items) await addLine(first, job, item);
    await sendInvoice(first, job);
    await first.call('billing.list_charges', { invoice_id: invoiceId });

    const second = billingRun(workflow, 2, retryAfter(workflow, first.clock));
    await second.call('kb.search', { query: 'price list discount agreed', tenant: setting.customer.tenant_id });
    await lookUp(second, job);
    await grant(second, job, 'business');
    for (const item of items) {
      const amount_cents = Math.round(item.amount_cents * 0.9);
      await addLine(second, job, { ...item, description: `${item.description}, less 10 %`, amount_cents });
    }
    await sendInvoice(second, job, {
      subject: `Invoice ${PERIOD}, corrected`,
      body: `Dear ${setting.customer.name}, here is your invoice.`,
    });
    await notify(second, workflow, job);
  },
};
