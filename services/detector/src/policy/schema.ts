import type { RuleName } from '@idemtrace/schemas';
import { z } from 'zod';
import { durationSchema } from './duration.ts';

const CLEAN = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;
const text = z.string().min(1).max(256).regex(CLEAN, { error: 'must be free of control characters' });

/** Members joined by dots, `[]` where a list is entered: `order.id`, `items[].nonce`. */
const PATH = /^[^.[\]*?]+(\[\])*(\.[^.[\]*?]+(\[\])*)*$/;
const PATH_HINT = {
  error: 'this is no path',
  params: { hint: 'write members joined by dots, [] where a list is entered: order.id, items[].nonce' },
};
const path = text.refine((value) => PATH.test(value), PATH_HINT);
const disclosedPath = text.refine((value) => value === '*' || PATH.test(value), PATH_HINT);

/** At most 64 different entries. */
function listOf(entry: z.ZodType<string>) {
  return z
    .array(entry)
    .max(64)
    .superRefine((list, context) => {
      // Of a list that is too long, too: looking back through it would make its length a square.
      const seen = new Set<string>();
      for (const [index, value] of list.entries()) {
        if (seen.has(value)) context.addIssue({ code: 'custom', path: [index], message: `\`${value}\` is in the list twice` });
        seen.add(value);
      }
    });
}

/** The class that an entry or the whole policy may declare. */
const effect = z.enum(['read', 'idempotent_write', 'write', 'delegate']);
const effectKey = z.strictObject({ paths: listOf(path).min(1), scope: z.enum(['workflow', 'tenant']).optional() });
const poll = z.strictObject({ max: z.int().min(2).max(1_000_000), minInterval: durationSchema().optional() });

const tool = z.strictObject({
  effect: effect.optional(),
  effectName: text.optional(),
  /** A list of paths is short for `{ paths: […] }`. */
  effectKey: z.preprocess((value) => (Array.isArray(value) || typeof value === 'string' ? { paths: value } : value), effectKey).optional(),
  volatile: listOf(path).optional(),
  disclose: z.strictObject({ input: listOf(disclosedPath).optional(), result: listOf(disclosedPath).optional() }).optional(),
  poll: poll.optional(),
  deadline: durationSchema().optional(),
});

const dataSource = z.strictObject({
  untagged: z.enum(['allow']).optional(),
  disclose: z.strictObject({ query: listOf(disclosedPath).optional() }).optional(),
});

/** A rule's settings; `off` is short for `{ enabled: false }`. */
function rule<Shape extends z.core.$ZodLooseShape>(settings: Shape) {
  return z
    .preprocess(
      (value, context) => {
        if (value === 'off' || value === 'on') return { enabled: value === 'on' };
        if (typeof value !== 'boolean') return value;
        context.addIssue({
          code: 'custom',
          message: `\`${value}\` is no setting of a rule`,
          params: { hint: `write \`${value ? 'on' : 'off'}\`` },
        });
        return {};
      },
      z.strictObject({ enabled: z.boolean().optional(), ...settings }),
    )
    .optional();
}

const rules = {
  duplicate_execution: rule({}),
  divergent_execution: rule({}),
  execution_loop: rule({ threshold: z.int().min(2).max(1_000_000).optional() }),
  foreign_document: rule({}),
  untagged_document: rule({}),
  contaminated_action: rule({}),
  tenant_mismatch: rule({}),
  in_doubt: rule({}),
  ledger_bypass: rule({}),
  plan_divergence: rule({}),
  cross_workflow_duplicate: rule({}),
  unclassified_tool: rule({}),
} satisfies Record<RuleName, z.ZodType>;

export const RULE_NAMES = Object.keys(rules) as readonly RuleName[];

const versionText = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/, { error: 'must be letters, digits and . _ + - only, and start with a letter or digit' });

/** A section that is there but empty (`tools:` with everything below it commented out) says nothing. */
function section<T extends z.ZodType>(schema: T) {
  return z.preprocess((value) => (value === null ? undefined : value), schema.optional()).optional();
}

/** Most entries of one section. */
const MAX_ENTRIES = 10_000;

/** The YAML document; `tools` and `dataSources` as lists of [pattern, entry], in the order in which they are written. */
export const policyDocument = z.strictObject({
  version: versionText,
  defaultEffect: effect.optional(),
  tools: section(z.array(z.tuple([text, tool])).max(MAX_ENTRIES)),
  dataSources: section(z.array(z.tuple([text, dataSource])).max(MAX_ENTRIES)),
  sharedTenants: section(z.array(text).max(MAX_ENTRIES)),
  rules: section(z.strictObject(rules)),
  deadline: durationSchema().optional(),
});

export type PolicyDocument = z.output<typeof policyDocument>;

const milliseconds = z.int().min(1);

/** The compiled policy, format 1. */
export const compiledPolicy = z.strictObject({
  format: z.literal(1),
  version: versionText,
  defaultEffect: effect.optional(),
  tools: z
    .array(
      z.strictObject({
        match: text,
        effect: effect.optional(),
        effectName: text.optional(),
        effectKey: effectKey.required().optional(),
        volatile: listOf(path).optional(),
        disclose: z.strictObject({ input: listOf(disclosedPath).optional(), result: listOf(disclosedPath).optional() }).optional(),
        poll: z.strictObject({ max: z.int().min(2), minIntervalMs: milliseconds.optional() }).optional(),
        deadlineMs: milliseconds.optional(),
      }),
    )
    .max(MAX_ENTRIES),
  dataSources: z
    .array(
      z.strictObject({
        match: text,
        untagged: z.enum(['allow']).optional(),
        disclose: z.strictObject({ query: listOf(disclosedPath).optional() }).optional(),
      }),
    )
    .max(MAX_ENTRIES),
  sharedTenants: z.array(text).max(MAX_ENTRIES),
  disabledRules: z.array(z.enum(RULE_NAMES)),
  loopThreshold: z.int().min(2),
  deadlineMs: milliseconds,
});
