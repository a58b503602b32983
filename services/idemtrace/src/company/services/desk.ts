/** Customers, entitlements, tickets, approvals by a person, and export jobs that take their time. */
import { found, read, stamp, write } from './tool.ts';

export const deskTools = {
  'customers.get': read(({ store }, { customer_id }: { customer_id: string }) => {
    const { id, name, email, calendar_id } = found(store.get('customers', customer_id), 'customer');
    return { customer_id: id, name, email, calendar_id };
  }),

  'entitlements.get': read(({ store }, { customer_id }: { customer_id: string }) => {
    const row = store.get('entitlements', customer_id);
    return { customer_id, plan: row?.plan ?? 'none', active: row?.active ?? false };
  }),

  'entitlements.grant': write(({ store }, { customer_id, plan }: { customer_id: string; plan: string }) => {
    found(store.get('customers', customer_id), 'customer');
    store.put('entitlements', { id: customer_id, plan, active: true });
    return { customer_id, plan, active: true };
  }),

  'tickets.list_open': read(({ store, tenantId }, { queue }: { queue: string }) => ({
    tickets: store
      .all('tickets', (ticket) => ticket.tenant_id === tenantId && ticket.queue === queue && ticket.status === 'open')
      .map(({ id, subject }) => ({ ticket_id: id, subject })),
  })),

  'tickets.get': read(({ store }, { ticket_id }: { ticket_id: string }) => {
    const { id, customer_id, subject, status } = found(store.get('tickets', ticket_id), 'ticket');
    const comments = store.all('comments', (comment) => comment.ticket_id === ticket_id);
    return { ticket_id: id, customer_id, subject, status, comments: comments.map(({ id: comment_id, body }) => ({ comment_id, body })) };
  }),

  'tickets.add_comment': write((desk, { ticket_id, body }: { ticket_id: string; body: string }) => {
    found(desk.store.get('tickets', ticket_id), 'ticket');
    const row = { id: desk.newId('cmt'), ticket_id, body, created_at: stamp(desk.now) };
    desk.store.put('comments', row);
    return { comment_id: row.id, ticket_id };
  }),

  'tickets.set_status': write(({ store }, { ticket_id, status }: { ticket_id: string; status: string }) => {
    const ticket = found(store.get('tickets', ticket_id), 'ticket');
    store.put('tickets', { ...ticket, status });
    return { ticket_id, status };
  }),

  'approvals.request': write((desk, request: { subject: string; amount_cents: number }) => {
    const row = { id: desk.newId('apr'), ...request, state: 'pending' as const, created_at: stamp(desk.now) };
    desk.store.put('approvals', row);
    return { approval_id: row.id, subject: row.subject, amount_cents: row.amount_cents, state: row.state };
  }),

  'approvals.get': read(({ store }, { approval_id }: { approval_id: string }) => {
    const { id, subject, amount_cents, state } = found(store.get('approvals', approval_id), 'approval');
    return { approval_id: id, subject, amount_cents, state };
  }),

  'exports.start': write((desk, { dataset, period }: { dataset: string; period: string }) => {
    // The archive's worker is down: its jobs are taken in and never done.
    const done_at = dataset === 'archive' ? null : stamp(desk.now + 45_000);
    const row = { id: desk.newId('job'), dataset, period, done_at, created_at: stamp(desk.now) };
    desk.store.put('jobs', row);
    return { job_id: row.id, state: 'queued' };
  }),

  'exports.status': read(({ store, now }, { job_id }: { job_id: string }) => {
    const { done_at } = found(store.get('jobs', job_id), 'job');
    return { job_id, state: done_at !== null && Date.parse(done_at) <= now ? 'done' : 'running' };
  }),

  'exports.download': read(({ store }, { job_id }: { job_id: string }) => {
    const { dataset, period } = found(store.get('jobs', job_id), 'job');
    return { job_id, file: `${dataset}-${period}.csv` };
  }),
};
