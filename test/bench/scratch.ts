import { dataSet } from './data/data-file.ts';
import { Progress } from './measure/progress.ts';
import { compare } from './throughput/compare.ts';
import { loadTopic, openStage } from './throughput/stage.ts';
import { detector, type Subject } from './throughput/subject.ts';

const data = await dataSet('/tmp/idemtrace-bench', { events: 200000, repeats: 0.1 }, () => {});
const stage = await openStage('/tmp/bo/scr');
const withFlags = (name: string, flags: string, inner: Subject): Subject => ({
  name,
  async begin(s, t, r) {
    process.env.NODE_OPTIONS = flags;
    try {
      return await inner.begin(s, t, r);
    } finally {
      delete process.env.NODE_OPTIONS;
    }
  },
});
try {
  const topic = await loadTopic(stage, { name: 'ev', partitions: 6, data }, () => {});
  const c = await compare(stage, topic, {
    subjects: [
      detector({ windows: 'redis' }),
      withFlags('redis, semi 64', '--max-semi-space-size=64', detector({ windows: 'redis' })),
      detector({ windows: 'memory' }),
    ],
    rounds: 2,
    ratios: [],
    label: 's',
    progress: new Progress(),
  }).catch((e) => {
    console.log(e);
    throw e;
  });
  for (const r of c.runs)
    console.log(
      r.subject,
      Math.round(r.eventsPerSecond),
      Math.round(r.warmEventsPerSecond),
      JSON.stringify(r.cpuSecondsPerMillion),
      r.peakResidentMib.subject,
      r.loadAverage,
    );
} finally {
  await stage.close();
}
