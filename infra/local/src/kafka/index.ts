/** Kafka 4.3.1, broker and controller in one process (KRaft). */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached } from '../cache.ts';
import { type Certificates, certificates } from '../certificates.ts';
import { copyJars } from '../maven.ts';
import { freePorts } from '../ports.ts';
import { JAVA, program } from '../programs.ts';
import { type Service, type ServiceOptions, serviceFolder, startService } from '../service.ts';
import { isBrokerReady } from './probe.ts';
import { clusterProperties, type Listener, serverProperties } from './properties.ts';

export const KAFKA_VERSION = '4.3.1';

const run = promisify(execFile);
const JARS = [
  { group: 'org.apache.kafka', name: 'kafka_2.13', version: KAFKA_VERSION },
  { group: 'org.slf4j', name: 'slf4j-simple', version: '1.7.36' },
];
export interface KafkaOptions extends ServiceOptions {
  /** Of the listeners; a kept folder needs the same ones again. Default: free ones. */
  readonly ports?: Readonly<Partial<Record<Listener, number>>>;
  /** Adds to and overrides server.properties. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
  /** Adds listeners that ask for a user (letters and digits) and password: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512. */
  readonly sasl?: { readonly users: Readonly<Record<string, string>> };
  /** Adds a TLS listener, with certificates of an authority of its own; with `sasl`, one that speaks both. */
  readonly tls?: boolean | { readonly clientCertificate: 'required' };
  /** Java's heap in MiB. Default 512. */
  readonly heapMiB?: number;
}

export interface Kafka extends Service {
  /** `host:port` of the listener without TLS or user. */
  readonly brokers: readonly string[];
  /** With `sasl`: user and password, no TLS. */
  readonly saslBrokers: readonly string[];
  /** With `tls`: TLS, no user. */
  readonly tlsBrokers: readonly string[];
  /** With `sasl` and `tls`: user and password over TLS. */
  readonly saslTlsBrokers: readonly string[];
  /** With `tls`: paths of PEM files. */
  readonly certificates: Certificates | undefined;
  readonly ports: Readonly<Partial<Record<Listener, number>>>;
}

export interface KafkaCluster {
  readonly nodes: readonly Kafka[];
  /** `host:port` of each node. */
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

/** A broker's place among several: brokers that vote for their controller. */
interface Place {
  readonly nodeId: number;
  readonly clusterId: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

/** Starts a broker and resolves when it takes requests. Topics are not made by themselves. Throws LocalServiceError. */
export function startKafka(options: KafkaOptions = {}): Promise<Kafka> {
  return startBroker(options);
}

const NODES = 3;

/** Starts three brokers: each record on all of them, durable once two have it, whichever one dies. Throws LocalServiceError. */
export async function startKafkaCluster(options: Pick<KafkaOptions, 'heapMiB' | 'properties'> = {}): Promise<KafkaCluster> {
  const ports = await Promise.all(Array.from({ length: NODES }, () => freePorts(['PLAIN', 'CONTROLLER'])));
  const properties = clusterProperties(ports.map(({ CONTROLLER }) => CONTROLLER));
  const id = clusterId();
  const starts = ports.map((own, index) => startBroker({ ...options, ports: own }, { nodeId: index + 1, clusterId: id, properties }));
  const started = (await Promise.allSettled(starts)).flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const stop = async () => {
    await Promise.all(started.map((node) => node.stop()));
  };
  if (started.length < NODES) {
    await stop();
    await Promise.all(starts);
  }
  return { nodes: started, brokers: started.flatMap(({ brokers }) => brokers), stop };
}

async function startBroker(options: KafkaOptions, place?: Place): Promise<Kafka> {
  const { java, classPath } = await installKafka();
  const name = place === undefined ? 'kafka' : `kafka-${place.nodeId}`;
  const { folder, isPassing } = serviceFolder(name, options);
  const hasTls = options.tls !== undefined && options.tls !== false;
  const listeners: Listener[] = ['PLAIN', 'CONTROLLER'];
  if (options.sasl !== undefined) listeners.push('SASL');
  if (hasTls) listeners.push('TLS');
  if (options.sasl !== undefined && hasTls) listeners.push('SASL_TLS');
  const ports = { ...(await freePorts(listeners)), ...options.ports };
  const made = hasTls ? await certificates(join(folder, 'certificates')) : undefined;
  const file = join(folder, 'server.properties');
  const text = serverProperties({
    folder,
    ports,
    users: options.sasl?.users ?? {},
    certificates: made,
    isClientCertificateRequired: typeof options.tls === 'object',
    overrides: { ...(place !== undefined && { ...place.properties, 'node.id': place.nodeId }), ...options.properties },
  });
  writeFileSync(file, text, { mode: 0o600 });
  if (!existsSync(join(folder, 'data', 'meta.properties'))) {
    await format(java, classPath, file, options.sasl?.users ?? {}, place?.clusterId);
  }
  const heap = options.heapMiB ?? 512;
  const service = await startService({
    name,
    folder,
    isPassing,
    isDetached: options.detached ?? false,
    command: {
      file: java,
      args: [`-Xms64m`, `-Xmx${heap}m`, '-Dorg.slf4j.simpleLogger.showDateTime=true', '-cp', classPath, 'kafka.Kafka', file],
    },
    isReady: () => isBrokerReady(ports.PLAIN),
  });
  const at = (listener: Listener) => (ports[listener] === undefined ? [] : [`127.0.0.1:${ports[listener]}`]);
  return Object.assign(service, {
    brokers: at('PLAIN'),
    saslBrokers: at('SASL'),
    tlsBrokers: at('TLS'),
    saslTlsBrokers: at('SASL_TLS'),
    certificates: made,
    ports,
  });
}

/** Java and the broker's jars, fetched where they are missing. */
export async function installKafka(): Promise<{ readonly java: string; readonly classPath: string }> {
  const [java, folder] = await Promise.all([program(JAVA), cached(`kafka-${KAFKA_VERSION}`, (to) => copyJars(JARS, to))]);
  return { java, classPath: join(folder, 'jars', '*') };
}

/** 16 random bytes; Kafka refuses one that starts like an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}

async function format(
  java: string,
  classPath: string,
  file: string,
  users: Readonly<Record<string, string>>,
  cluster: string | undefined,
): Promise<void> {
  const scram = Object.entries(users).flatMap(([user, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${user},password=${password}]`]),
  );
  // Several brokers know their voters by their properties, and are of one cluster.
  const identity = cluster === undefined ? ['--standalone', '-t', clusterId()] : ['-t', cluster];
  const args = ['-cp', classPath, 'kafka.tools.StorageTool', 'format', ...identity, '-c', file, ...scram];
  await run(java, args);
}
