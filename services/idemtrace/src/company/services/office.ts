/** Mail, web hooks and calendars. Mail and hooks answer with a phrase that says nothing about the record they made. */
import { found, read, stamp, write } from './tool.ts';

export const officeTools = {
  'mail.send': write((desk, mail: { to: string; subject: string; body: string; reference_id?: string }) => {
    const { to, subject, body } = mail;
    desk.store.put('outbox', { id: desk.newId('msg'), to, subject, body, created_at: stamp(desk.now) });
    return 'E-mail sent.';
  }),

  'mail.list_sent': read(({ store }, { to }: { to: string }) =>
    store.all('outbox', (mail) => mail.to === to).map(({ subject, created_at }) => ({ to, subject, sent_at: created_at })),
  ),

  'webhooks.post': write((desk, hook: { url: string; event: string; subject_id: string; nonce: string }) => {
    const { url, event, subject_id } = hook;
    desk.store.put('deliveries', { id: desk.newId('whd'), url, event, subject_id, created_at: stamp(desk.now) });
    return '202 Accepted';
  }),

  'calendar.list_events': read(({ store }, { calendar_id }: { calendar_id: string }) => ({
    events: store
      .all('events', (event) => event.calendar_id === calendar_id)
      .map(({ id, title, start, attendee }) => ({ event_id: id, title, start, attendee })),
  })),

  'calendar.create_event': write((desk, event: { calendar_id: string; title: string; start: string; attendee: string }) => {
    const row = { id: desk.newId('evt'), ...event, created_at: stamp(desk.now) };
    desk.store.put('events', row);
    return { event_id: row.id, title: row.title, start: row.start, attendee: row.attendee, status: 'confirmed' };
  }),

  'calendar.update_event': write((desk, { event_id, start }: { event_id: string; start: string }) => {
    const event = found(desk.store.get('events', event_id), 'event');
    desk.store.put('events', { ...event, start });
    return { event_id, title: event.title, start, attendee: event.attendee, status: 'confirmed' };
  }),
};
