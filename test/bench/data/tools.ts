/** The tools of the simulated agents, with inputs and answers as such tools have them. */
import { type CompiledPolicy, EMPTY_POLICY } from '@idemtrace/schemas';
import type { Random } from './random.ts';

export interface ToolSketch {
  readonly name: string;
  readonly input: (n: number, random: Random) => unknown;
  readonly answer: (n: number) => unknown;
}

/** What they do is declared, so that the classes are not inferred and no `unclassified_tool` is raised. */
export const benchPolicy: CompiledPolicy = {
  ...EMPTY_POLICY,
  version: 'bench',
  defaultEffect: 'write',
  tools: [
    { match: 'get_*', effect: 'read' },
    { match: 'search_*', effect: 'read' },
    { match: 'update_*', effect: 'idempotent_write' },
  ],
};

export const KNOWLEDGE_TOOL = 'search_knowledge';

const email = (n: number) => `customer${n % 9973}@example.com`;
const order = (n: number) => `ord-${n.toString(36)}`;

export const TOOLS: readonly ToolSketch[] = [
  {
    name: 'get_order',
    input: (n) => ({ order_id: order(n), include: ['lines', 'payments'] }),
    answer: (n) => ({ id: order(n), status: 'open', total: n % 900, currency: 'EUR', lines: [{ sku: `sku-${n % 89}`, count: 2 }] }),
  },
  {
    name: 'get_customer',
    input: (n) => ({ customer_id: `cus-${n}` }),
    answer: (n) => ({ id: `cus-${n}`, name: 'A Customer', email: email(n), tier: 'gold', since: '2024-03-01' }),
  },
  {
    name: KNOWLEDGE_TOOL,
    input: (n) => ({ query: `refund policy of region ${n % 131}`, limit: 5 }),
    answer: (n) => ({ found: 5, first: `doc-${n % 5000}` }),
  },
  {
    name: 'charge_invoice',
    input: (n, random) => ({
      invoice_id: `inv-${n}`,
      customer_id: `cus-${random.below(9973)}`,
      amount: random.below(90_000) / 100,
      currency: 'EUR',
      due: '2026-03-31',
      memo: 'Thank you for the business',
      contact: { mail: email(n), urgent: false },
    }),
    answer: (n) => ({ id: `ch-${n}`, status: 'succeeded', amount: n % 900 }),
  },
  {
    name: 'send_email',
    input: (n) => ({ to: email(n), subject: `Your order ${order(n)}`, body: `Dear customer, order ${order(n)} was shipped today.` }),
    answer: (n) => ({ messageId: `msg-${n}`, accepted: true }),
  },
  {
    name: 'create_ticket',
    input: (n, random) => ({
      title: `Order ${order(n)} is late`,
      priority: random.below(3),
      tags: ['delivery', 'late'],
      customer: { id: `cus-${n % 9973}`, email: email(n) },
      description: 'The customer asks where the parcel is.',
    }),
    answer: (n) => ({ id: `tic-${n}`, state: 'open', url: `https://tickets.example.com/${n}` }),
  },
  {
    name: 'update_order',
    input: (n) => ({ order_id: order(n), status: 'confirmed', note: 'as discussed', carrier: 'post' }),
    answer: (n) => ({ id: order(n), status: 'confirmed' }),
  },
  {
    name: 'create_event',
    input: (n, random) => ({
      title: 'Call with the customer',
      start: `2026-04-${String(1 + random.below(28)).padStart(2, '0')}T10:00:00Z`,
      minutes: 30,
      attendees: [email(n), 'agent@example.com'],
    }),
    answer: (n) => ({ id: `evt-${n}`, status: 'confirmed' }),
  },
];
