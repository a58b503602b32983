/** `idemtrace replay FILE`: the pipeline on recorded calls. */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { HashKey } from '@idemtrace/identity';
import type { Alert, CompiledPolicy } from '@idemtrace/schemas';
import type { Config } from '../config/index.ts';
import { CommandError, EXIT } from '../output/command-error.ts';
import { alertSummary, alertText, replaySummary } from '../output/summary.ts';
import { hashKeyOf } from '../pipeline/hash-key.ts';
import { openPipeline, type Pipeline } from '../pipeline/pipeline.ts';
import { openPolicy } from '../pipeline/policy.ts';
import { RecordingError } from '../recording/mistakes.ts';
import { type SurveyedRecording, surveyRecording } from '../recording/read.ts';
import { workflowKey } from '../recording/survey.ts';
import { followAlerts } from '../replay/follow-alerts.ts';
import { countAlerts, currentAlerts, type ReplayCounts, readOutcome, replay } from '../replay/replay.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

export interface ReplayCommandOptions extends CommonOptions {
  readonly alerts?: string;
  readonly batch?: string;
}

export async function replayCommand(context: Context, file: string, options: ReplayCommandOptions): Promise<number> {
  const { screen, cwd } = context;
  const isReal = options.real === true;
  const isThrowAway = options.data === undefined;
  const folder = options.data ?? mkdtempSync(join(tmpdir(), 'idemtrace-replay-'));
  try {
    const configured = configure(context, { ...options, data: folder }, { 'batch.maxRecords': options.batch });
    const { logger } = configured;
    const config = withLineageKept(configured.config, isThrowAway);
    if (isReal && config.kafka.brokers === undefined) {
      throw new CommandError('invalid_config', '--real needs services: set IDEMTRACE_KAFKA_BROKERS and IDEMTRACE_REGISTRY_URL.');
    }
    const path = resolve(cwd, file);
    const survey = await surveyed(path);
    const { policy } = openPolicy(config.policy).current();
    const pipeline = await openPipeline({ config, logger, throwAway: isThrowAway });
    try {
      const hashKey = isThrowAway ? recordingHashKey(config, survey) : hashKeyOf(config);
      const played = await play({ context, config, pipeline, path, survey, hashKey, policy, quiet: options.json === true });
      const revisions = played.revisions.filter((alert) => survey.lastLineOfWorkflow.has(workflowKey(alert)));
      if (options.alerts !== undefined) await writeAlerts(resolve(cwd, options.alerts), revisions);
      const counted = { ...played, alerts: countAlerts(currentAlerts(revisions)) };
      screen.print(options.json === true ? JSON.stringify(replaySummary(counted)) : alertSummary(counted, screen));
      if (!isThrowAway && options.json !== true && !pipeline.lineage.on) screen.note(`No lineage: ${pipeline.lineage.why}`);
      return EXIT.ok;
    } finally {
      await pipeline.close();
    }
  } finally {
    if (isThrowAway) rmSync(folder, { recursive: true, force: true });
  }
}

/** Lineage is off where it would go with the folder. */
function withLineageKept(config: Config, isThrowAway: boolean): Config {
  const isKept = !isThrowAway || config.clickhouse.url !== undefined;
  return isKept ? config : { ...config, lineage: { ...config.lineage, mode: 'off' } };
}

async function surveyed(path: string): Promise<SurveyedRecording> {
  try {
    return await surveyRecording(path);
  } catch (error) {
    if (error instanceof RecordingError) throw new CommandError('invalid_input', error.message, { cause: error });
    if (error instanceof Error && 'code' in error) {
      throw new CommandError('invalid_input', `The recording ${path} cannot be read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

/**
 * The key of a replay into a throw-away folder: the configured one, else one that follows from the recording, so that replaying it again
 * anywhere gives the same digests and alert ids. It protects nothing, and nothing leaves: who can derive it has the recording itself.
 */
function recordingHashKey(config: Config, { digest }: SurveyedRecording): HashKey {
  return config.hashKey === undefined
    ? { id: 'recording', secret: hash('sha256', `idemtrace replay key ${digest}`, 'hex') }
    : hashKeyOf(config);
}

export interface Played extends ReplayCounts {
  readonly revisions: readonly Alert[];
  readonly deadLetters: number;
  readonly seconds: number;
  readonly lineage: boolean;
}

export interface PlayOptions {
  readonly context: Context;
  readonly config: Config;
  readonly pipeline: Pipeline;
  readonly path: string;
  readonly survey: SurveyedRecording;
  readonly hashKey: HashKey;
  readonly policy: CompiledPolicy;
  /** Prints no alerts. */
  readonly quiet: boolean;
}

/** Replays, shows progress and, as they are found, alerts of warning and above, until everything is judged and stored. */
export async function play({
  context: { screen, signal },
  config,
  pipeline,
  path,
  survey,
  hashKey,
  policy,
  quiet,
}: PlayOptions): Promise<Played> {
  const startedAt = performance.now();
  const ended = new AbortController();
  const following = quiet ? undefined : printAlerts(pipeline, config, screen, AbortSignal.any([ended.signal, signal]));
  const counts = await replay({
    path,
    survey,
    pipeline,
    hashKey,
    policy,
    signal,
    onProgress: ({ lines, ofLines, events }) => screen.progress(`replaying: line ${lines} of ${ofLines}, ${events} events`),
  });
  await pipeline.drained((lag) => screen.progress(`judging: ${counts.events - lag} of ${counts.events} events`));
  const seconds = (performance.now() - startedAt) / 1000;
  const outcome = await readOutcome(pipeline, config.topics);
  await following?.(outcome.revisions.length);
  ended.abort();
  screen.settle();
  return { ...counts, ...outcome, seconds, lineage: pipeline.lineage.on };
}

/** Prints alerts as they are published. The function that it answers resolves once so many revisions were seen. */
function printAlerts(
  pipeline: Pipeline,
  config: Config,
  screen: Context['screen'],
  signal: AbortSignal,
): (revisions: number) => Promise<void> {
  const severities = new Map<string, string>();
  let seen = 0;
  const run = async () => {
    for await (const alert of followAlerts(pipeline.store, config.topics.alerts, { from: 'end', follow: true, signal })) {
      seen += 1;
      const before = severities.get(alert.alertId);
      severities.set(alert.alertId, alert.severity);
      if (alert.severity !== 'info') screen.print(alertText(alert, screen));
      else if (before !== undefined && before !== 'info') screen.print(`${alertText(alert, screen)} (was ${before})`);
    }
  };
  const done = run().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  done.catch(() => {});
  return async (revisions) => {
    const patience = performance.now() + 5000;
    while (seen < revisions && performance.now() < patience) {
      await Promise.race([done, new Promise((tick) => setTimeout(tick, 10))]);
    }
  };
}

async function writeAlerts(path: string, revisions: readonly Alert[]): Promise<void> {
  const kind = await stat(path).catch(() => undefined);
  if (kind?.isDirectory()) throw new CommandError('invalid_input', `--alerts ${path} is a folder: name a file.`);
  const file = await open(path, 'w').catch((error: Error) => {
    throw new CommandError('invalid_input', `--alerts ${path} cannot be written: ${error.message}`, { cause: error });
  });
  try {
    for (const alert of revisions) await file.write(`${JSON.stringify(alert)}\n`);
  } finally {
    await file.close();
  }
}
