/** Tickets answered from the document index, with a research agent to help, and two agents who do not know of each other. */
import type { AgentRun } from '../run.ts';
import type { Workflow } from '../workflow.ts';
import { retryAfter, type Setting, type Story } from './setting.ts';

const SUBJECTS = [
  ['login', 'Cannot log in after the password reset'],
  ['export', 'Report export stops before the end'],
  ['billing', 'Question about the late fee on an invoice'],
  ['refund', 'Refund of a charge is missing'],
] as const;

const QUERIES: Readonly<Record<(typeof SUBJECTS)[number][0], readonly [string, string]>> = {
  login: ['login reset password', 'single sign-on settings device'],
  export: ['report export period', 'export kept days minute'],
  billing: ['late fee invoice reminder', 'payment terms due'],
  refund: ['refund charge paid', 'goodwill approval refund'],
};

const workflowId = (customerId: string) => `ticket/${customerId}`;

interface Case extends Setting {
  readonly ticketId: string;
  readonly queries: readonly [string, string];
}

function openTicket(workflow: Workflow, setting: Setting): Case {
  const { customer } = setting;
  const [queue, subject] = workflow.random.pick(SUBJECTS);
  const ticketId = `TCK-${workflow.random.int(10_000, 99_999)}`;
  workflow.meanwhile((store) => {
    store.put('tickets', { id: ticketId, tenant_id: customer.tenant_id, customer_id: customer.id, queue, subject, status: 'open' });
  });
  return { ...setting, ticketId, queries: QUERIES[queue] };
}

function supportRun(workflow: Workflow, attempt: number, startsAt: number): AgentRun {
  return workflow.run({ agentId: 'support-agent', attempt, startsAt });
}

async function readTicket(run: AgentRun, { customer, ticketId }: Case): Promise<void> {
  run.recall(customer.id);
  await run.call('tickets.get', { ticket_id: ticketId });
  await run.call('customers.get', { customer_id: customer.id });
}

function search(run: AgentRun, { customer }: Case, query: string, filtered = true) {
  return run.call('kb.search', filtered ? { query, tenant: customer.tenant_id } : { query });
}

function comment(run: AgentRun, { ticketId }: Case, body: string) {
  return run.call('tickets.add_comment', { ticket_id: ticketId, body }, { aim: 'comment with the answer' });
}

function setStatus(run: AgentRun, { ticketId }: Case, status: string) {
  return run.call('tickets.set_status', { ticket_id: ticketId, status }, { aim: `status ${status}` });
}

function reply(run: AgentRun, { customer, ticketId }: Case, groundedOn: readonly string[]) {
  const mail = {
    to: customer.email,
    subject: `Re: ${ticketId}`,
    body: `Dear ${customer.name}, here is what we found.`,
    reference_id: ticketId,
  };
  return run.call('mail.send', mail, { aim: 'reply to the customer', groundedOn });
}

async function answer(run: AgentRun, ticket: Case, groundedOn: readonly string[]): Promise<void> {
  await setStatus(run, ticket, 'in progress');
  await comment(run, ticket, 'Answered from the knowledge base.');
  await reply(run, ticket, groundedOn);
  await setStatus(run, ticket, 'solved');
}

/** Now and then the first attempt dies while it reads. */
export const answersATicket: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    let run = supportRun(workflow, 1, setting.startsAt);
    await readTicket(run, ticket);
    if (workflow.random.int(1, 2) === 1) {
      run = supportRun(workflow, 2, retryAfter(workflow, run.clock));
      await readTicket(run, ticket);
    }
    await run.together(ticket.queries, (query) => search(run, ticket, query));
    await answer(run, ticket, run.retrievals.slice(-2));
  },
};

/** A research agent of the same attempt searches the index and the old wiki, whose pages do not say whose they are. */
async function research(run: AgentRun, workflow: Workflow, ticket: Case, attempt: number): Promise<readonly string[]> {
  await readTicket(run, ticket);
  const helper = workflow.run({ agentId: 'research-agent', attempt, part: 'research', startsAt: run.clock });
  for (const query of ticket.queries) await search(helper, ticket, query);
  await helper.call('wiki.search', { query: ticket.queries[0] });
  run.wait(helper.clock - run.clock);
  return helper.retrievals;
}

export const asksAResearcher: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const run = supportRun(workflow, 1, setting.startsAt);
    await answer(run, ticket, await research(run, workflow, ticket, 1));
  },
};

/** The first attempt ends with what its researcher found; the second has it found again and answers. */
export const asksAResearcherAgain: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const first = supportRun(workflow, 1, setting.startsAt);
    await research(first, workflow, ticket, 1);
    await setStatus(first, ticket, 'in progress');
    const second = supportRun(workflow, 2, retryAfter(workflow, first.clock));
    await answer(second, ticket, await research(second, workflow, ticket, 2));
  },
};

/** The tenant filter is forgotten once, and the reply rests on what another tenant's documents say. */
export const forgetsTheFilter: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const run = supportRun(workflow, 1, setting.startsAt);
    await readTicket(run, ticket);
    await search(run, ticket, ticket.queries[0]);
    await search(run, ticket, ticket.queries[1], false);
    await setStatus(run, ticket, 'open');
    await answer(run, ticket, run.retrievals.slice(-1));
  },
};

/** The second attempt reads everything again, which is right, and writes its comment again in other words, which is not. */
export const commentsAgain: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const first = supportRun(workflow, 1, setting.startsAt);
    await readTicket(first, ticket);
    for (const query of ticket.queries) await search(first, ticket, query);
    await setStatus(first, ticket, 'in progress');
    await comment(first, ticket, 'Answered from the knowledge base.');

    const second = supportRun(workflow, 2, retryAfter(workflow, first.clock));
    await readTicket(second, ticket);
    for (const query of ticket.queries) await search(second, ticket, query);
    await setStatus(second, ticket, 'in progress');
    await comment(second, ticket, 'We found the answer in our knowledge base.');
    await reply(second, ticket, second.retrievals.slice(-1));
    await setStatus(second, ticket, 'solved');
  },
};

/** The second attempt finds the comment of the first and leaves it at that. */
export const goesOnWhereItStopped: Story = {
  workflowId,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const first = supportRun(workflow, 1, setting.startsAt);
    await readTicket(first, ticket);
    for (const query of ticket.queries) await search(first, ticket, query);
    await setStatus(first, ticket, 'in progress');
    await comment(first, ticket, 'Answered from the knowledge base.');

    const second = supportRun(workflow, 2, retryAfter(workflow, first.clock));
    second.recall(setting.customer.id);
    const state = await second.call('tickets.get', { ticket_id: ticket.ticketId });
    const isAnswered = state.ok && state.result.comments.length > 0;
    if (!isAnswered) await comment(second, ticket, 'Answered from the knowledge base.');
    await setStatus(second, ticket, 'in progress');
    await reply(second, ticket, []);
    await setStatus(second, ticket, 'solved');
  },
};

/** Two triage agents take the same ticket at the same moment. Each sees it untouched, and both write the same comment. */
export const triagesTwice: Story = {
  workflowId: (customerId) => `triage/${customerId}`,
  async play(workflow, setting) {
    const ticket = openTicket(workflow, setting);
    const options = { agentId: 'triage-agent', attempt: 1, startsAt: setting.startsAt, thinksFor: 1_200 };
    const pair = [workflow.run({ ...options, part: 'left' }), workflow.run({ ...options, part: 'right' })];
    /** Each waits for the other's answer, so that their next calls start a wink apart. */
    const abreast = async (act: (run: AgentRun) => Promise<unknown>) => {
      const both = Math.max(...pair.map(({ clock }) => clock));
      for (const [index, run] of pair.entries()) {
        run.wait(both + index * 30 - run.clock);
        await act(run);
      }
    };
    await abreast((run) => run.call('tickets.get', { ticket_id: ticket.ticketId }));
    await abreast((run) => search(run, ticket, ticket.queries[0]));
    await abreast((run) => comment(run, ticket, 'Moved to second level.'));
    await abreast((run) => setStatus(run, ticket, 'second level'));
  },
};
