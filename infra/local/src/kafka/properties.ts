/** A broker's properties: broker and controller in one process, on loopback ports. */
import { join } from 'node:path';
import type { Certificates } from '../certificates.ts';

export type Listener = 'PLAIN' | 'CONTROLLER' | 'SASL' | 'TLS' | 'SASL_TLS';

const PROTOCOLS: Readonly<Record<Listener, string>> = {
  PLAIN: 'PLAINTEXT',
  CONTROLLER: 'PLAINTEXT',
  SASL: 'SASL_PLAINTEXT',
  TLS: 'SSL',
  SASL_TLS: 'SASL_SSL',
};

export interface PropertiesInput {
  readonly folder: string;
  readonly ports: Readonly<Partial<Record<Listener, number>>>;
  readonly users: Readonly<Record<string, string>>;
  readonly certificates: Certificates | undefined;
  readonly isClientCertificateRequired: boolean;
  readonly overrides: Readonly<Record<string, string | number | boolean>>;
}

/** The file's text. */
export function serverProperties(input: PropertiesInput): string {
  const all = { ...base(input), ...security(input), ...input.overrides };
  return Object.entries(all)
    .map(([name, value]) => `${name}=${escaped(String(value))}\n`)
    .join('');
}

function base({ folder, ports }: PropertiesInput): Record<string, string | number | boolean> {
  const listeners = Object.entries(ports).map(([name, port]) => `${name}://127.0.0.1:${port}`);
  return {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.CONTROLLER}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAIN',
    listeners: listeners.join(','),
    'advertised.listeners': listeners.filter((listener) => !listener.startsWith('CONTROLLER')).join(','),
    'listener.security.protocol.map': Object.keys(ports)
      .map((name) => `${name}:${PROTOCOLS[name as Listener]}`)
      .join(','),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    // A broker that was killed is registered again only when its old session is over.
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 500,
  };
}

function security({ ports, users, certificates, isClientCertificateRequired }: PropertiesInput): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const listener of ['SASL', 'SASL_TLS'] as const) {
    if (ports[listener] === undefined) continue;
    const of = `listener.name.${listener.toLowerCase()}`;
    properties[`${of}.sasl.enabled.mechanisms`] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512';
    const plain = Object.entries(users).map(([user, password]) => ` user_${user}="${password}"`);
    properties[`${of}.plain.sasl.jaas.config`] = `org.apache.kafka.common.security.plain.PlainLoginModule required${plain.join('')};`;
    for (const mechanism of ['scram-sha-256', 'scram-sha-512']) {
      properties[`${of}.${mechanism}.sasl.jaas.config`] = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
    }
  }
  if (certificates !== undefined) {
    properties['ssl.keystore.type'] = 'PEM';
    properties['ssl.keystore.location'] = certificates.serverStore;
    properties['ssl.truststore.type'] = 'PEM';
    properties['ssl.truststore.location'] = certificates.ca;
    properties['listener.name.tls.ssl.client.auth'] = isClientCertificateRequired ? 'required' : 'none';
  }
  return properties;
}

/** What each broker of a cluster has in common with the others, given the ports of their controllers, in the order of their node ids from 1. */
export function clusterProperties(controllerPorts: readonly number[]): Record<string, string | number> {
  const replicas = controllerPorts.length;
  const least = replicas - 1;
  return {
    'controller.quorum.voters': controllerPorts.map((port, index) => `${index + 1}@127.0.0.1:${port}`).join(','),
    'controller.quorum.bootstrap.servers': '',
    'default.replication.factor': replicas,
    'min.insync.replicas': least,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': least,
  };
}

/** Backslashes and line breaks mean something in a properties file. */
function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
