/** A deployment of its own on the services: its topics, its groups, its database, and its processes, each supervised. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '@idemtrace/local-services';
import type { Config } from 'idemtrace/internal';
import { configOf, deploymentOn, type Environment, type Services } from '../../support/pipeline.ts';
import type { AgentSettings } from '../load/agent.ts';
import { SHARED_TENANT, TOOLS } from '../load/play.ts';
import { type OwnEnd, Supervised } from './supervised.ts';

export interface DeploymentOptions {
  readonly services: Services;
  readonly folder: string;
  readonly seed: number;
  /** Of both agents together. */
  readonly eventsPerSecond: number;
  readonly detectors: number;
  readonly sinks: number;
  /** For every process. */
  readonly more?: Environment;
  /** For the first detector alone: it goes through the proxies. */
  readonly firstDetector?: Environment;
}

export interface AgentEnd {
  readonly name: string;
  readonly code: number | null;
  readonly emitted: number;
  readonly dropped: number;
  readonly rejected: number;
}

const BIN = join(import.meta.dirname, '../../../services/idemtrace/src/bin.ts');
const AGENT = join(import.meta.dirname, '../load/agent.ts');
const API_KEY = 'a-key-of-the-chaos-tests-0123456789';
const HTTP_TENANT = 'hooli';
const KAFKA_TENANTS = ['acme', 'globex', 'initech'];
/** More than each agent's share: what is lost to an outage is made up for. */
const HEADROOM = 1.1;

export interface Deployment {
  readonly config: Config;
  readonly detectors: readonly Supervised[];
  readonly sinks: readonly Supervised[];
  readonly gateway: Supervised;
  readonly agents: readonly Supervised[];
  /** Files of what agents were told is durable. */
  readonly acknowledged: readonly string[];
  /** A detector more, for as long as it is wanted. */
  extraDetector(): Supervised;
  start(): Promise<void>;
  /** Ends the agents in order, so that all they hold is sent. */
  stopAgents(): Promise<readonly AgentEnd[]>;
  stop(): Promise<void>;
  ownEnds(): readonly OwnEnd[];
}

/** Creates topics, schemas and tables, and starts nothing yet. */
export async function deploy(options: DeploymentOptions): Promise<Deployment> {
  const { services, folder, seed, eventsPerSecond, more = {}, firstDetector = {} } = options;
  const { gateway: port } = await freePorts(['gateway']);
  const policy = join(folder, 'policy.yaml');
  writeFileSync(policy, policyText());
  const env = deploymentOn(services, {
    IDEMTRACE_POLICY: policy,
    IDEMTRACE_INTAKE_PORT: String(port),
    IDEMTRACE_INTAKE_API_KEYS: `${HTTP_TENANT}=${API_KEY}`,
    ...more,
  });
  const config = configOf(env, folder);
  await command(['topics', 'create'], folder, env);
  await command(['lineage', 'migrate'], folder, env);

  const part = (name: string, args: readonly string[], extra: Environment = {}) =>
    new Supervised({
      name,
      file: process.execPath,
      args: [BIN, ...args],
      cwd: folder,
      env: environment(folder, { ...env, ...extra }),
      isUp: /Probes:|takes events/,
    });
  const agent = (settings: Omit<AgentSettings, 'seed' | 'eventsPerSecond' | 'acknowledged'>, index: number) =>
    new Supervised({
      name: `agent by ${settings.to.kind}`,
      file: process.execPath,
      args: [
        AGENT,
        JSON.stringify({
          ...settings,
          seed: seed * 10 + index,
          eventsPerSecond: (eventsPerSecond * HEADROOM) / 2,
          acknowledged: acknowledgedFile(settings.name),
        } satisfies AgentSettings),
      ],
      cwd: folder,
      env: environment(folder, {}),
      isUp: /^up$/m,
    });
  const acknowledgedFile = (name: string) => join(folder, `${name}.acknowledged`);

  const detectors = Array.from({ length: options.detectors }, (_, n) => part(`detector ${n}`, ['detector'], n === 0 ? firstDetector : {}));
  const sinks = Array.from({ length: options.sinks }, (_, n) => part(`sink ${n}`, ['lineage-sink']));
  const gateway = part('gateway', ['gateway']);
  const { brokers, registryUrl } = services;
  const agents = [
    agent({ name: 'direct', tenants: KAFKA_TENANTS, to: { kind: 'kafka', brokers, registryUrl, topic: config.topics.events } }, 0),
    agent({ name: 'web', tenants: [HTTP_TENANT], to: { kind: 'http', url: `http://127.0.0.1:${port}`, apiKey: API_KEY } }, 1),
  ];
  const extras: Supervised[] = [];
  const all = () => [...detectors, ...extras, ...sinks, gateway, ...agents];

  return {
    config,
    detectors,
    sinks,
    gateway,
    agents,
    acknowledged: ['direct', 'web'].map(acknowledgedFile),
    extraDetector() {
      const extra = part(`extra detector ${extras.length}`, ['detector']);
      extras.push(extra);
      return extra;
    },
    async start() {
      await Promise.all([...detectors, ...sinks, gateway].map((each) => each.start()));
      await Promise.all(agents.map((each) => each.start()));
    },
    stopAgents: () =>
      Promise.all(
        agents.map(async (each) => {
          const code = await each.stop();
          const last = each.output.trim().split('\n').at(-1) ?? '';
          const counters = last.startsWith('{')
            ? (JSON.parse(last) as Omit<AgentEnd, 'name' | 'code'>)
            : { emitted: 0, dropped: 0, rejected: 0 };
          return { name: each.name, code, ...counters };
        }),
      ),
    async stop() {
      await Promise.all(all().map((each) => each.stop()));
    },
    ownEnds: () => all().flatMap((each) => each.ownEnds),
  };
}

function policyText(): string {
  const tools = Object.entries(TOOLS).flatMap(([name, effect]) => (effect === undefined ? [] : [`  ${name}: { effect: ${effect} }`]));
  return ['version: chaos-1', 'tools:', ...tools, `sharedTenants: [${SHARED_TENANT}]`, ''].join('\n');
}

function environment(home: string, env: Environment): Environment {
  return { PATH: process.env.PATH ?? '', HOME: home, LANG: 'C.UTF-8', NO_COLOR: '1', NODE_NO_WARNINGS: '1', ...env };
}

async function command(args: readonly string[], folder: string, env: Environment): Promise<void> {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: folder, env: environment(folder, env), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`idemtrace ${args.join(' ')} ended with ${code}: ${output}`);
}
