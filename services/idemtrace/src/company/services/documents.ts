/**
 * One document index for all tenants, and an old wiki whose pages carry no tenant. A search ranks by words in common; whoever forgets the
 * tenant filter is answered from everybody's documents.
 */
import { type FoundDocument, read, type Tool } from './tool.ts';

interface IndexedDocument {
  readonly id: string;
  readonly tenantId?: string;
  readonly text: string;
}

const TOPICS: readonly (readonly [string, string])[] = [
  ['refund-policy', 'Refund policy: refunds of a charge are paid within 14 days; goodwill refunds need an approval by a person.'],
  ['payment-terms', 'Payment terms: an invoice is due 30 days after the end of the period; a late fee applies after the second reminder.'],
  ['service-levels', 'Service levels: a ticket on the login or export queue is answered within four hours on working days.'],
  ['login-help', 'Login help: reset the password, then check the single sign-on settings and the clock of the device.'],
  ['export-guide', 'Export guide: a report export of a period runs up to a minute and is kept for seven days.'],
  ['onboarding', 'Onboarding: a kick-off meeting, a data review and a training session in the first two weeks.'],
  ['price-list', 'Price list: base plan, seats, storage and support hours, with the discount agreed for this year.'],
];

const HOUSE_STYLE: Readonly<Record<string, string>> = {
  acme: 'Acme pays by card on the 3rd and wants one invoice per site.',
  borealis: 'Borealis pays by transfer and gets a 10 % discount until March.',
  cobalt: 'Cobalt pays by card and keeps a credit limit of 20,000.',
};

const INDEX: readonly IndexedDocument[] = [
  ...Object.entries(HOUSE_STYLE).flatMap(([tenantId, style]) =>
    TOPICS.map(([topic, text]) => ({ id: `${tenantId}/${topic}`, tenantId, text: `${text} ${style}` })),
  ),
  { id: 'shared/style-guide', tenantId: 'shared', text: 'Style guide: answer politely, name the invoice or ticket, promise no refund.' },
  {
    id: 'shared/handbook',
    tenantId: 'shared',
    text: 'Handbook: how invoices, reminders, tickets, exports and refunds work in the product.',
  },
];

const WIKI: readonly IndexedDocument[] = [
  { id: 'wiki/112', text: 'Old notes: login trouble after an update, clear the device cache and reset the password.' },
  { id: 'wiki/245', text: 'Old notes: export of a report stops at a million rows, split the period.' },
  { id: 'wiki/318', text: 'Old notes: whom to call about a late invoice or a refund.' },
];

const wordsOf = (text: string): ReadonlySet<string> => new Set(text.toLowerCase().match(/[a-z]{3,}/g) ?? []);

function rank(query: string, documents: readonly IndexedDocument[], limit: number): readonly FoundDocument[] {
  const wanted = wordsOf(query);
  const scored = documents.map(({ id, tenantId, text }) => {
    const words = wordsOf(text);
    const common = [...wanted].filter((word) => words.has(word)).length;
    return { id, tenantId, text, score: Math.round((common / Math.max(1, wanted.size)) * 1000) / 1000 };
  });
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1))
    .slice(0, limit);
}

function searchTool<I extends { readonly query: string }>(
  dataSource: string,
  find: (input: I) => readonly FoundDocument[],
): Tool<I & { [name: string]: string | number }, { documents: { id: string; text: string }[] }> {
  const answer = read((_desk, input: I & { [name: string]: string | number }) => ({
    documents: find(input).map(({ id, text }) => ({ id, text })),
  }));
  return { ...answer, search: { dataSource, find: (_desk, input) => find(input) } };
}

export const documentTools = {
  'kb.search': searchTool<{ query: string; tenant?: string }>('kb', ({ query, tenant }) =>
    rank(query, tenant === undefined ? INDEX : INDEX.filter(({ tenantId }) => tenantId === tenant || tenantId === 'shared'), 3),
  ),
  'wiki.search': searchTool<{ query: string }>('wiki', ({ query }) => rank(query, WIKI, 2)),
};
