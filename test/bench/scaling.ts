/** How the detector's rate depends on the number of partitions and of live workflows. Shorter runs than the comparison's, one of each. */
import { dataSet } from './data/data-file.ts';
import type { Plan } from './plan.ts';
import { type Comparison, compare } from './throughput/compare.ts';
import { REPEATS } from './throughput/measure-throughput.ts';
import { loadTopic, type Stage } from './throughput/stage.ts';
import { detector } from './throughput/subject.ts';

export interface Scaling {
  readonly byPartitions: readonly ScalingPoint[];
  readonly byWorkflows: readonly ScalingPoint[];
}

export interface ScalingPoint {
  readonly partitions: number;
  readonly workflows: number;
  readonly events: number;
  readonly executions: number;
  readonly redisBytesPerLiveExecution: number;
  readonly figures: Comparison['subjects'][number];
}

const PARTITIONS = [1, 2, 4, 8];
const WORKFLOWS = [1_000, 10_000, 100_000, 1_000_000];
const USUAL_PARTITIONS = 6;
/** Of the whole comparison's events. */
const SHORTER = 0.3;

export async function measureScaling(stage: Stage, plan: Plan): Promise<Scaling> {
  const byPartitions: ScalingPoint[] = [];
  const byWorkflows: ScalingPoint[] = [];
  const events = Math.round(plan.events * SHORTER);
  for (const partitions of PARTITIONS) byPartitions.push(await point(stage, plan, { partitions, events }));
  for (const workflows of WORKFLOWS) {
    // A workflow has at least a call's start in it; where there are more workflows than events, there is nothing to measure.
    const enough = Math.max(events, workflows);
    if (enough <= plan.events) byWorkflows.push(await point(stage, plan, { partitions: USUAL_PARTITIONS, events: enough, workflows }));
  }
  return { byPartitions, byWorkflows };
}

async function point(
  stage: Stage,
  plan: Plan,
  { partitions, events, workflows }: { readonly partitions: number; readonly events: number; readonly workflows?: number },
): Promise<ScalingPoint> {
  const { progress } = plan;
  const options = { events, repeats: REPEATS, ...(workflows !== undefined && { workflows }) };
  const data = await dataSet(plan.data, options, (made) => progress.of('making events', made, events));
  const label = `scaling-${partitions}-partitions-${data.workflows}-workflows`;
  const topic = await loadTopic(stage, { name: label, partitions, data }, (sent) => progress.of('producing', sent, events));
  const { subjects, runs } = await compare(stage, topic, {
    subjects: [detector({ windows: plan.windows })],
    rounds: 1,
    ratios: [],
    label,
    progress,
  });
  await stage.admin.deleteTopics({ topics: [topic.name] });
  const [figures] = subjects;
  if (figures === undefined) throw new Error('nothing was measured');
  return {
    partitions,
    workflows: data.workflows,
    events: data.events,
    executions: data.executions,
    redisBytesPerLiveExecution: Math.round((runs[0]?.redisBytes ?? 0) / data.executions),
    figures,
  };
}
