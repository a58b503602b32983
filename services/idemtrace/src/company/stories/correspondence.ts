/** Reminders, kick-off meetings and report exports. */
import type { AgentRun } from '../run.ts';
import type { Workflow } from '../workflow.ts';
import { MINUTE, openInvoice, PERIOD, retryAfter, type Setting, type Story } from './setting.ts';

const dunningId = (customerId: string) => `dunning/${PERIOD}/${customerId}`;

function collectionsRun(workflow: Workflow, attempt: number, startsAt: number): AgentRun {
  return workflow.run({ agentId: 'collections-agent', attempt, startsAt });
}

async function checkDebt(run: AgentRun, { customer }: Setting, invoiceId: string): Promise<void> {
  run.recall(customer.id);
  await run.call('customers.get', { customer_id: customer.id });
  await run.call('billing.get_invoice', { invoice_id: invoiceId });
  await run.call('billing.list_charges', { invoice_id: invoiceId });
  await run.call('kb.search', { query: 'reminder late fee payment terms', tenant: customer.tenant_id });
}

function remind(run: AgentRun, { customer }: Setting, invoiceId: string, subject: string, body: string) {
  return run.call(
    'mail.send',
    { to: customer.email, subject, body, reference_id: invoiceId },
    { aim: 'reminder', groundedOn: run.retrievals.slice(-1) },
  );
}

const FRIENDLY = 'our records show that your invoice is still open. Could you have a look?';

export const remindsOnce: Story = {
  workflowId: dunningId,
  async play(workflow, setting) {
    const { invoiceId } = openInvoice(workflow, setting);
    const run = collectionsRun(workflow, 1, setting.startsAt);
    await checkDebt(run, setting, invoiceId);
    await run.call('mail.list_sent', { to: setting.customer.email });
    await remind(run, setting, invoiceId, 'A friendly reminder', `Dear ${setting.customer.name}, ${FRIENDLY}`);
    await run.call('mail.list_sent', { to: setting.customer.email });
  },
};

/** The second attempt writes the same reminder in other words. */
export const remindsInOtherWords: Story = {
  workflowId: dunningId,
  async play(workflow, setting) {
    const { invoiceId } = openInvoice(workflow, setting);
    const first = collectionsRun(workflow, 1, setting.startsAt);
    await checkDebt(first, setting, invoiceId);
    await remind(first, setting, invoiceId, 'A friendly reminder', `Dear ${setting.customer.name}, ${FRIENDLY}`);
    await first.call('billing.list_charges', { invoice_id: invoiceId });

    const second = collectionsRun(workflow, 2, retryAfter(workflow, first.clock));
    await checkDebt(second, setting, invoiceId);
    await remind(
      second,
      setting,
      invoiceId,
      'Your open invoice',
      `Hello ${setting.customer.name}, may we remind you of your open invoice?`,
    );
  },
};

/** The model has its answer and calls again all the same. */
export const remindsAgainAtOnce: Story = {
  workflowId: dunningId,
  async play(workflow, setting) {
    const { invoiceId } = openInvoice(workflow, setting);
    const run = collectionsRun(workflow, 1, setting.startsAt);
    await checkDebt(run, setting, invoiceId);
    const body = `Dear ${setting.customer.name}, ${FRIENDLY}`;
    await remind(run, setting, invoiceId, 'A friendly reminder', body);
    await run.call('billing.get_invoice', { invoice_id: invoiceId });
    await remind(run, setting, invoiceId, 'A friendly reminder', body);
    await run.call('mail.list_sent', { to: setting.customer.email });
  },
};

const MEETINGS = ['Kick-off', 'Data review', 'Training', 'First month review'] as const;
const onboardingId = (customerId: string) => `onboarding/${customerId}`;

function meet(run: AgentRun, { customer }: Setting, title: string) {
  const day = String(9 + MEETINGS.indexOf(title as (typeof MEETINGS)[number])).padStart(2, '0');
  const event = {
    calendar_id: customer.calendar_id,
    title: `${title}: ${customer.name}`,
    start: `2026-11-${day}T10:00:00Z`,
    attendee: customer.email,
  };
  return run.call('calendar.create_event', event, { aim: `meeting ${title}` });
}

async function prepare(run: AgentRun, { customer }: Setting): Promise<void> {
  await run.call('customers.get', { customer_id: customer.id });
  await run.call('kb.search', { query: 'onboarding kick-off training', tenant: customer.tenant_id });
  await run.call('entitlements.grant', { customer_id: customer.id, plan: 'team' }, { aim: 'entitlement' });
}

async function welcome(run: AgentRun, { customer }: Setting): Promise<void> {
  const mail = { to: customer.email, subject: 'Welcome', body: `Dear ${customer.name}, your first meetings are in the calendar.` };
  await run.call('mail.send', mail, { aim: 'welcome e-mail' });
}

/** Four meetings at once; one is moved afterwards, twice to the same hour, and then once more. */
export const onboards: Story = {
  workflowId: onboardingId,
  async play(workflow, setting) {
    const run = workflow.run({ agentId: 'onboarding-agent', attempt: 1, startsAt: setting.startsAt });
    await prepare(run, setting);
    await run.call('calendar.list_events', { calendar_id: setting.customer.calendar_id });
    await run.together(MEETINGS, (title) => meet(run, setting, title));
    const events = await run.call('calendar.list_events', { calendar_id: setting.customer.calendar_id });
    const moved = events.ok ? events.result.events[0] : undefined;
    if (moved !== undefined) {
      const change = { event_id: moved.event_id, start: '2026-11-09T14:00:00Z' };
      await run.call('calendar.update_event', change, { aim: 'kick-off in the afternoon' });
      await run.call('calendar.update_event', change, { aim: 'kick-off in the afternoon' });
      await run.call('calendar.update_event', { ...change, start: '2026-11-09T15:00:00Z' }, { aim: 'kick-off in the afternoon' });
    }
    await welcome(run, setting);
  },
};

/** The attempt ends after two of four meetings; the next one makes all four. */
export const invitesTwice: Story = {
  workflowId: onboardingId,
  async play(workflow, setting) {
    const first = workflow.run({ agentId: 'onboarding-agent', attempt: 1, startsAt: setting.startsAt });
    await prepare(first, setting);
    for (const title of MEETINGS.slice(0, 2)) await meet(first, setting, title);

    const second = workflow.run({ agentId: 'onboarding-agent', attempt: 2, startsAt: retryAfter(workflow, first.clock) });
    await prepare(second, setting);
    for (const title of MEETINGS) await meet(second, setting, title);
    await second.call('calendar.list_events', { calendar_id: setting.customer.calendar_id });
    await welcome(second, setting);
  },
};

/** The attempt waits for a person. The next one reads the calendar first and goes on where the other stopped. */
export const onboardsAfterApproval: Story = {
  workflowId: onboardingId,
  async play(workflow, setting) {
    const { customer } = setting;
    const first = workflow.run({ agentId: 'onboarding-agent', attempt: 1, startsAt: setting.startsAt });
    await prepare(first, setting);
    await meet(first, setting, MEETINGS[0]);
    const subject = `training day for ${customer.id}`;
    const asked = await first.call('approvals.request', { subject, amount_cents: 95_000 }, { aim: subject });
    const approval = asked.ok ? asked.result.approval_id : '';
    workflow.meanwhile((store) => {
      const row = store.get('approvals', approval);
      if (row !== undefined) store.put('approvals', { ...row, state: 'approved' });
    });

    const second = workflow.run({ agentId: 'onboarding-agent', attempt: 2, startsAt: first.clock + 130 * MINUTE });
    await second.call('customers.get', { customer_id: customer.id });
    await second.call('approvals.get', { approval_id: approval });
    const events = await second.call('calendar.list_events', { calendar_id: customer.calendar_id });
    const there = events.ok ? events.result.events.map(({ title }) => title) : [];
    for (const title of MEETINGS) if (!there.includes(`${title}: ${customer.name}`)) await meet(second, setting, title);
    await welcome(second, setting);
  },
};

async function exportReport(workflow: Workflow, { customer, startsAt }: Setting, dataset: string, polls: number): Promise<void> {
  const run = workflow.run({ agentId: 'reporting-agent', attempt: 1, startsAt });
  await run.call('kb.search', { query: 'report export period', tenant: customer.tenant_id });
  const started = await run.call('exports.start', { dataset, period: PERIOD }, { aim: 'export' });
  if (!started.ok) return;
  const { job_id } = started.result;
  for (let poll = 0; poll < polls; poll += 1) {
    run.wait(9_000);
    const status = await run.call('exports.status', { job_id });
    if (!status.ok || status.result.state !== 'done') continue;
    await run.call('exports.download', { job_id });
    const mail = {
      to: customer.email,
      subject: 'Your report',
      body: `The ${dataset} report for ${PERIOD} is ready.`,
      reference_id: job_id,
    };
    await run.call('mail.send', mail, { aim: 'report e-mail' });
    return;
  }
}

/** Asks for the state of its job until it is done. */
export const waitsForItsReport: Story = {
  workflowId: (customerId) => `export/${PERIOD}/${customerId}`,
  play: (workflow, setting) => exportReport(workflow, setting, 'usage', 12),
};

/** Asks and asks: the job is never done. */
export const waitsForEver: Story = {
  workflowId: (customerId) => `export/${PERIOD}/${customerId}`,
  play: (workflow, setting) => exportReport(workflow, setting, 'archive', 26),
};
