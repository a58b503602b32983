/** `idemtrace demo`: a day of the simulated company through the pipeline, and what went wrong in it. */
import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import type { Alert } from '@idemtrace/schemas';
import { COMPANY_POLICY, writeCompany } from '../company/write.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { alertSummary } from '../output/summary.ts';
import { drawAttempts, tellAlert } from '../pictures/index.ts';
import { hashKeyOf } from '../pipeline/hash-key.ts';
import { openPipeline } from '../pipeline/pipeline.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { workflowView } from '../pipeline/workflow-view.ts';
import { surveyRecording } from '../recording/read.ts';
import { workflowKey } from '../recording/survey.ts';
import { countAlerts, currentAlerts } from '../replay/replay.ts';
import { type CommonOptions, type Context, configure } from './context.ts';
import { play } from './replay.ts';

export interface DemoOptions extends CommonOptions {
  readonly seed: string;
}

export async function demoCommand(context: Context, { seed, data }: DemoOptions): Promise<number> {
  const { screen, cwd } = context;
  const number = Number(seed);
  if (!Number.isSafeInteger(number)) throw new CommandError('invalid_input', `--seed ${seed} is not a whole number.`);
  const folder = data ?? join(cwd, '.idemtrace', 'demo');
  const heading = (text: string) => (screen.color ? styleText('bold', text, { validateStream: false }) : text);

  const { config, logger } = configure(context, { data: folder, policy: fileURLToPath(COMPANY_POLICY) });
  rmSync(config.dataDir, { recursive: true, force: true });
  screen.print(
    heading(`A day of a simulated company: three tenants, forty workflows, agents that retry, re-plan and lose answers (seed ${number}).`),
  );
  const { calls } = await writeCompany(number, config.dataDir);
  const survey = await surveyRecording(calls);
  const { policy } = openPolicy(config.policy).current();
  const pipeline = await openPipeline({ config, logger });
  try {
    screen.print('Alerts of warning and above, as they are found:\n');
    const played = await play({ context, config, pipeline, path: calls, survey, hashKey: hashKeyOf(config), policy, quiet: false });
    const alerts = currentAlerts(played.revisions);
    screen.print(alertSummary({ ...played, alerts: countAlerts(alerts) }, screen));
    if (!pipeline.lineage.on) screen.print(`\nNo lineage store: ${pipeline.lineage.why}`);

    const worst = worstOf(alerts);
    if (worst === undefined) return EXIT.ok;
    const view = await workflowView(pipeline, config.topics, worst);
    screen.print(`\n${heading('The worst of them, and how it came about')}\n`);
    screen.print(drawAttempts(view, screen));
    screen.print(`\n${tellAlert(worst, view, screen)}`);

    const command = `npx -y pnpm@12 idemtrace`;
    const where = relative(cwd, config.dataDir);
    screen.print(`\n${heading('Next')}
  1. Draw it:          ${command} lineage attempts ${worst.workflowId} --tenant ${worst.tenantId} --data ${where} --svg attempts.svg
  2. Your own agents:  ${command} replay FILE --policy POLICY      (recorded calls, one JSON object a line: see README)
  3. Live:             ${command} up                               (an intake for agents on this machine; then: ${command} alerts --follow)`);
    return EXIT.ok;
  } finally {
    await pipeline.close();
  }
}

const SEVERITY_WEIGHT = { critical: 100, warning: 10, info: 0, unspecified: 0 } as const;
/** What was done twice comes before what was read. */
const RULE_RANK: Partial<Record<Alert['rule'], number>> = { duplicate_execution: 2, divergent_execution: 1 };

/** By severity, then by how much went wrong in its workflow, then by rule, then by position. */
function worstOf(alerts: readonly Alert[]): Alert | undefined {
  const weights = new Map<string, number>();
  for (const alert of alerts) weights.set(workflowKey(alert), (weights.get(workflowKey(alert)) ?? 0) + SEVERITY_WEIGHT[alert.severity]);
  const rank = (alert: Alert) => [SEVERITY_WEIGHT[alert.severity], RULE_RANK[alert.rule] ?? 0, weights.get(workflowKey(alert)) ?? 0];
  return alerts.toSorted((a, b) => compare(rank(b), rank(a)) || a.partition - b.partition || a.offset - b.offset)[0];
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
