/** `idemtrace judge --dry-run`: which alerts would come and go under another policy, before it is put in force. */
import type { CompiledPolicy } from '@idemtrace/schemas';
import { dryRun } from '../judge/dry-run.ts';
import { dryRunSummary, dryRunText } from '../judge/report.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { openStore, reached } from '../pipeline/store.ts';
import { type CommonOptions, type Context, configure } from './context.ts';
import { pastTime, wholeNumber } from './option-values.ts';

export interface JudgeCommandOptions extends CommonOptions {
  readonly policy: string;
  readonly from?: string;
  readonly limit: string;
  readonly dryRun?: boolean;
}

/** 0: nothing would change; 1: alerts would come, go or change. */
export async function judgeCommand(context: Context, options: JudgeCommandOptions): Promise<number> {
  const { screen, signal } = context;
  if (options.dryRun !== true) {
    throw new CommandError(
      'invalid_input',
      'Judging old events again for good is not offered: their alerts were published once, under ids that stay, and acted on. Say --dry-run to see what a policy would change; put in force, it judges what comes from then on.',
    );
  }
  const limit = wholeNumber('--limit', options.limit, { least: 0, most: 1_000_000 });
  const { config } = configure(context, options);
  const now = Date.now();
  const since = options.from === undefined ? now - config.window.length : pastTime('--from', options.from, now);
  const policy = openPolicy(config.policy).current();
  const store = await openStore(config);
  try {
    const run = await reached('The log or the schema registry', () =>
      dryRun({
        store,
        config,
        policy,
        since,
        limit,
        signal,
        onProgress: (read, total) => screen.progress(`judging: ${read.toLocaleString('en')} of ${total.toLocaleString('en')} records`),
      }),
    );
    screen.settle();
    const asked = { policyVersion: policy.policy.version, since };
    screen.print(options.json === true ? JSON.stringify(dryRunSummary(run, asked)) : dryRunText(run, asked, screen));
    if (run.waiting > 0)
      screen.note(`Left out: ${run.waiting.toLocaleString('en')} records that ${config.groups.detector} has not judged yet.`);
    if (run.isCut) {
      screen.note(
        'The log no longer reaches back to where the first windows start: some differences may come of that alone. A later --from has none of them.',
      );
    }
    if (actsAtAgents(policy.policy)) {
      screen.note(
        'Effect names, effect keys and volatile paths act at agents, where inputs are hashed: the events keep those of their own time.',
      );
    }
    return run.tally.isEmpty ? EXIT.ok : EXIT.findings;
  } finally {
    await store.close();
  }
}

function actsAtAgents({ tools }: CompiledPolicy): boolean {
  return tools.some(({ effectName, effectKey, volatile }) => effectName !== undefined || effectKey !== undefined || volatile !== undefined);
}
