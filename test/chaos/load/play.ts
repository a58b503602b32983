/** One try of an agent at a small workflow: new calls, repeats, divergent ones, loops, lost answers and retrievals, as the seed has it. */
import type { Effect, Idemtrace, Run } from '@idemtrace/sdk';
import type { Random } from '../../simulation/random.ts';

/** The tools, and what they do. The last one is declared nowhere. */
export const TOOLS = {
  'billing.charge': 'write',
  'mail.send': 'write',
  'crm.update': 'idempotent_write',
  'crm.get': 'read',
  'jobs.create': undefined,
} as const satisfies Readonly<Record<string, Effect | undefined>>;

export type ToolName = keyof typeof TOOLS;

export const SHARED_TENANT = 'shared';

interface Call {
  readonly tool: ToolName;
  readonly input: { readonly subject: string; readonly amount: number };
}

export interface Play {
  readonly idemtrace: Idemtrace;
  readonly random: Random;
  readonly tenantId: string;
  readonly workflowId: string;
  /** Told apart by it: an agent that died and came back tries again under another one. */
  readonly firstAttempt: number;
  /** Resolves when the agent may emit the next events. */
  readonly turn: () => Promise<void>;
}

const NAMES = Object.keys(TOOLS) as readonly ToolName[];
const LOOP = 6;

/** One to three attempts. About 30 events. */
export async function playWorkflow(play: Play): Promise<void> {
  const { idemtrace, random, tenantId, workflowId, firstAttempt } = play;
  const attempts = random.chance(0.7) ? 1 : 2 + random.below(2);
  const calls: Call[] = [];
  for (let n = 0; n < attempts; n++) {
    const attempt = firstAttempt + n;
    const scope = { tenantId, workflowId, runId: `${workflowId}#${attempt}`, attempt };
    await play.turn();
    await idemtrace.run(scope, async (run) => {
      const steps = 4 + random.below(8);
      for (let step = 0; step < steps; step++) {
        if (random.chance(0.08)) {
          await play.turn();
          run.retrieved({ dataSource: random.pick(['handbook', 'mails']), query: { step }, documents: documentsOf(play) });
          continue;
        }
        const call = nextCall(random, calls, workflowId);
        const times = random.chance(0.01) ? LOOP : 1;
        for (let time = 0; time < times; time++) await makeCall(play, run, call);
      }
    });
  }
}

async function makeCall({ random, turn }: Play, run: Run, { tool, input }: Call): Promise<void> {
  await turn();
  const effect = TOOLS[tool];
  const isKeyed = tool === 'billing.charge' || tool === 'crm.update';
  const execution = run.begin({
    tool,
    input,
    ...(effect !== undefined && { effect }),
    ...(isKeyed && { effectKey: input.subject }),
    ...(random.chance(0.5) && { toolCallId: `call-${random.below(1e9)}` }),
    ...(random.chance(0.03) && { occurrence: `occurrence-${random.below(2)}` }),
    ...(random.chance(0.02) && { approvalId: `approval-${random.below(3)}` }),
  });
  await turn();
  const luck = random.next();
  // A call whose agent forgets to say how it ended.
  if (luck < 0.02) return;
  if (luck < 0.06) execution.settle({ error: new Error('refused') }, 'failed');
  else if (luck < 0.09) execution.settle({ error: new Error('no answer') }, 'unknown');
  else execution.settle({ result: { subject: input.subject, state: 'done' } }, 'succeeded');
}

/** One in seven repeats an earlier call; one in twenty does something else about the same subject. */
function nextCall(random: Random, calls: Call[], workflowId: string): Call {
  if (calls.length > 0 && random.chance(0.14)) return random.pick(calls);
  const tool = random.pick(NAMES);
  const known = calls.filter((call) => call.tool === tool);
  const isDivergent = known.length > 0 && random.chance(0.05);
  const subject = isDivergent ? random.pick(known).input.subject : `${workflowId}/${calls.length}`;
  const call = { tool, input: { subject, amount: random.below(100_000) } };
  calls.push(call);
  return call;
}

function documentsOf({ random, tenantId }: Play) {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const luck = random.next();
    const id = `document-${random.below(1000)}`;
    if (luck < 0.05) return { id };
    return { id, tenantId: luck < 0.1 ? 'another' : luck < 0.2 ? SHARED_TENANT : tenantId };
  });
}
