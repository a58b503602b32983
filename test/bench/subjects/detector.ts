/**
 * One process of the detector, all rules, on Kafka.
 * usage: detector.ts --brokers B --group G --events T --alerts T --dead-letters T --windows memory | redis://… --window-ms N --max-records N
 */
import { parseArgs } from 'node:util';
import { MemoryWindows, startDetector } from '@idemtrace/detector';
import { createCodec, fileRegistry, PolicyLookup } from '@idemtrace/schemas';
import { openKafkaLog } from '@idemtrace/stream/kafka';
import { benchPolicy } from '../data/tools.ts';
import { say } from './child.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    brokers: text,
    group: text,
    events: text,
    alerts: text,
    'dead-letters': text,
    windows: { type: 'string', default: 'memory' },
    'window-ms': { type: 'string', default: '86400000' },
    'max-records': text,
  },
});
const given = (name: 'brokers' | 'group' | 'events' | 'alerts' | 'dead-letters' | 'max-records'): string => {
  const value = values[name];
  if (value === undefined) throw new Error(`--${name} is missing`);
  return value;
};

const windowMs = Number(values['window-ms']);
const log = await openKafkaLog({
  brokers: given('brokers').split(','),
  report: (level, message) => (level === 'info' ? undefined : console.error(message)),
});
const codec = await createCodec({ registry: fileRegistry() });
const windows = values.windows === 'memory' ? new MemoryWindows({ windowMs }) : await redisWindows(values.windows);
const policy = new PolicyLookup(benchPolicy);
let hasBegun = false;
const detector = await startDetector({
  log,
  codec: {
    encode: codec.encode,
    decode(records) {
      if (!hasBegun) say('first');
      hasBegun = true;
      return codec.decode(records);
    },
  },
  windows,
  policy: () => policy,
  topics: { events: given('events'), alerts: given('alerts'), deadLetters: given('dead-letters') },
  group: given('group'),
  windowMs,
  from: 'earliest',
  maxRecords: Number(given('max-records')),
  report: (message) => console.error(message),
});
say('ready');
detector.done.catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
process.once('SIGTERM', () => {
  void detector
    .close()
    .then(() => windows.close())
    .then(() => log.close())
    .then(() => say('counters', { counters: detector.status().counters }))
    .then(() => process.exit(0));
});

async function redisWindows(url: string) {
  const { connectRedisWindows } = await import('@idemtrace/detector/redis');
  return connectRedisWindows({ url, windowMs });
}
