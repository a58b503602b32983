/** One round: a deployment under load, one fault after another, then silence, and everything held against the oracle. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createRandom } from '../simulation/random.ts';
import { type Checked, check } from './check/check.ts';
import type { PlannedFault } from './faults/faults.ts';
import { type AgentEnd, type DeploymentOptions, deploy } from './stage/deployment.ts';
import { startPoisoning } from './stage/poison.ts';
import { Progress } from './stage/progress.ts';
import type { OwnEnd } from './stage/supervised.ts';

export interface RoundOptions extends Pick<DeploymentOptions, 'services' | 'more' | 'firstDetector' | 'seed' | 'eventsPerSecond'> {
  readonly faults: readonly PlannedFault[];
  /** Least records in the events topic when the agents are asked to end. */
  readonly events: number;
  readonly onFault?: (fault: FaultReport) => void;
}

export interface FaultReport {
  readonly kind: string;
  readonly kills: number;
  /** ms since the load began. */
  readonly at: number;
  /** ms the fault lasted, until everything ran again. */
  readonly lasted: number;
  /** ms from its beginning until all that was in the log at its end was judged; undefined where it never was. */
  readonly judgedAfter: number | undefined;
  /** The same, until it was in lineage. */
  readonly storedAfter: number | undefined;
}

export interface RoundReport extends Checked {
  readonly seed: number;
  readonly kills: number;
  readonly seconds: number;
  readonly faults: readonly FaultReport[];
  readonly agents: readonly AgentEnd[];
  /** Processes that ended without being killed, and were started again. */
  readonly ownEnds: readonly OwnEnd[];
}

const DETECTORS = 2;
const SINKS = 2;
const WARM_UP_MS = 2_000;
/** Longest pause between a fault that is over and the next. */
const PAUSE_MS = 1_500;

export async function runRound(options: RoundOptions): Promise<RoundReport> {
  const { seed, faults, events, onFault } = options;
  const random = createRandom(seed);
  const folder = mkdtempSync(join(tmpdir(), 'idemtrace-chaos-'));
  const deployment = await deploy({ ...options, folder, detectors: DETECTORS, sinks: SINKS });
  const progress = await Progress.of(deployment.config);
  const poisoning = startPoisoning(progress.store, deployment.config.topics.events, createRandom(seed + 1));
  let isToBeKept = true;
  try {
    await deployment.start();
    const startedAt = performance.now();
    await delay(WARM_UP_MS);
    const reports: FaultReport[] = [];
    for (const { kind, kills, inject } of faults) {
      const at = performance.now();
      await inject(deployment, random);
      const lasted = performance.now() - at;
      const ends = await progress.ends();
      const since = async (group: 'detector' | 'lineage') =>
        (await progress.reached(group, ends)) ? Math.round(performance.now() - at) : undefined;
      const [judgedAfter, storedAfter] = await Promise.all([since('detector'), since('lineage')]);
      const report = { kind, kills, at: Math.round(at - startedAt), lasted: Math.round(lasted), judgedAfter, storedAfter };
      reports.push(report);
      onFault?.(report);
      await delay(random.below(PAUSE_MS));
    }
    while ((await progress.events()) < events) await delay(200);
    await poisoning.stop();
    const agents = await deployment.stopAgents();
    const isJudged = await progress.reached('detector', await progress.ends());
    const checked = await check(deployment, progress);
    const differences = [...(isJudged ? [] : ['not everything was judged']), ...agents.flatMap(losses), ...checked.differences];
    isToBeKept = differences.length > 0;
    return {
      ...checked,
      differences: isToBeKept ? [`what the processes said is in ${folder}`, ...differences] : differences,
      seed,
      kills: reports.reduce((sum, { kills }) => sum + kills, 0),
      seconds: Math.round((performance.now() - startedAt) / 1000),
      faults: reports,
      agents,
      ownEnds: deployment.ownEnds(),
    };
  } finally {
    await poisoning.stop();
    await deployment.stop();
    await progress.close();
    // What the processes said explains what went wrong.
    if (!isToBeKept) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function losses({ name, code, dropped, rejected }: AgentEnd): readonly string[] {
  return code === 0 && dropped === 0 && rejected === 0 ? [] : [`${name} ended with ${code}, ${dropped} dropped, ${rejected} refused`];
}
