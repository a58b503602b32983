/** infra/kubernetes cannot be applied here: its manifests are held to each other, to what idemtrace reads, and to what a careful cluster asks. */
import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readPolicy } from '../../services/detector/src/policy/index.ts';
import { commandsOfLine, fileText, isCommand, mistakesOf, ROOT } from './deployment.ts';

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}
interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args: readonly string[];
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly resources: { readonly requests: Readonly<Record<string, string>>; readonly limits: Readonly<Record<string, string>> };
  readonly securityContext: Readonly<Record<string, unknown>>;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}
interface Volume {
  readonly name: string;
  readonly secret?: {
    readonly secretName: string;
    readonly defaultMode: number;
    readonly items?: readonly { readonly key: string; readonly path: string }[];
  };
  readonly configMap?: { readonly name: string };
}
type Labels = Readonly<Record<string, string>>;
interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly { readonly key: string; readonly values: readonly string[] }[];
}
interface Pod {
  readonly metadata: { readonly labels: Labels };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly automountServiceAccountToken: boolean;
    readonly securityContext: Readonly<Record<string, unknown>>;
    readonly topologySpreadConstraints?: readonly { readonly labelSelector: Selector }[];
    readonly containers: readonly Container[];
    readonly volumes: readonly Volume[];
  };
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly selector: Selector & Labels;
    readonly podSelector: Selector;
    readonly scaleTargetRef: { readonly kind: string; readonly name: string };
    readonly minReplicas: number;
    readonly maxUnavailable: number;
    readonly ports: readonly { readonly targetPort: string }[];
    readonly template: Pod;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly object[];
  };
}

const FOLDER = 'infra/kubernetes';
const kustomization = parse(fileText(`${FOLDER}/kustomization.yaml`)) as {
  readonly resources: readonly string[];
  readonly configMapGenerator: readonly { readonly name: string; readonly envs?: readonly string[]; readonly files?: readonly string[] }[];
};
const manifests = kustomization.resources.flatMap((file) =>
  parseAllDocuments(fileText(`${FOLDER}/${file}`)).map((document) => document.toJS() as Manifest),
);
const of = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const deployments = of('Deployment');
const workloads = [...deployments, ...of('Job')];
const containers = workloads.flatMap(({ metadata, spec }) =>
  spec.template.spec.containers.map((container) => ({ name: metadata.name, pod: spec.template, container })),
);

function selects(selector: Selector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ''))
  );
}
const selected = (selector: Selector) =>
  workloads.filter(({ spec }) => selects(selector, spec.template.metadata.labels)).map(({ metadata }) => metadata.name);

test('every manifest of the folder is applied, and nothing else', () => {
  const generated = kustomization.configMapGenerator.flatMap(({ envs = [], files = [] }) => [...envs, ...files]);
  const files = globSync(join(ROOT, FOLDER, '*')).map((path) => basename(path));
  expect([...kustomization.resources, ...generated, 'kustomization.yaml'].sort()).toEqual(files.sort());
  expect(deployments.map(({ metadata }) => metadata.name).sort()).toEqual([
    'idemtrace-detector',
    'idemtrace-gateway',
    'idemtrace-lineage-sink',
  ]);
});

test('every selector finds the pods that it means, and those alone', () => {
  for (const { metadata, spec } of deployments) {
    expect(selected(spec.selector)).toEqual([metadata.name]);
    for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? [])
      expect(selected(labelSelector)).toEqual([metadata.name]);
    expect(spec.template.spec.topologySpreadConstraints).toHaveLength(2);
  }
  for (const { metadata, spec } of of('PodDisruptionBudget')) expect(selected(spec.selector)).toEqual([metadata.name]);
  expect(
    of('PodDisruptionBudget')
      .map(({ metadata }) => metadata.name)
      .sort(),
  ).toEqual(deployments.map(({ metadata }) => metadata.name).sort());
  for (const { metadata, spec } of of('Service')) expect(selected({ matchLabels: spec.selector })).toEqual([metadata.name]);
  for (const { metadata, spec } of of('NetworkPolicy'))
    expect({ name: metadata.name, found: selected(spec.podSelector).length > 0 }).toEqual({ name: metadata.name, found: true });
});

test('a disruption takes one pod of a part, and each part has two', () => {
  for (const { spec } of of('PodDisruptionBudget')) expect(spec.maxUnavailable).toBe(1);
  for (const { metadata, spec } of deployments) {
    const scaler = of('HorizontalPodAutoscaler').find(({ spec: { scaleTargetRef } }) => scaleTargetRef.name === metadata.name);
    // A number beside a scaler would undo what it did at every apply.
    expect({
      name: metadata.name,
      replicas: spec.replicas ?? scaler?.spec.minReplicas,
      both: spec.replicas !== undefined && scaler !== undefined,
    }).toEqual({
      name: metadata.name,
      replicas: 2,
      both: false,
    });
  }
});

test('every container has bounds, and every one that stays is asked whether it lives and is ready', () => {
  for (const { name, container } of containers) {
    const { requests, limits } = container.resources;
    expect({ name, requests: Object.keys(requests), limits: Object.keys(limits) }).toEqual({
      name,
      requests: ['cpu', 'memory'],
      limits: ['cpu', 'memory'],
    });
    if (name === 'idemtrace-setup') continue;
    const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];
    expect({ name, paths: probes.map((probe) => probe?.httpGet.path) }).toEqual({ name, paths: ['/healthz', '/healthz', '/readyz'] });
    const port = container.ports?.[0];
    for (const probe of probes) expect(probe?.httpGet.port).toBe(port?.name);
    expect({ name, port: port?.containerPort }).toEqual({ name, port: name === 'idemtrace-gateway' ? 7390 : 7391 });
  }
  expect(of('Service')[0]?.spec.ports).toEqual([expect.objectContaining({ targetPort: 'http' })]);
});

test('no container is root, writes into its image, or holds a token of the cluster', () => {
  for (const { name, pod, container } of containers) {
    expect({ name, ...pod.spec.securityContext }).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect({ name, ...container.securityContext }).toEqual({
      name,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect({ name, account: pod.spec.serviceAccountName, token: pod.spec.automountServiceAccountToken }).toEqual({
      name,
      account: 'idemtrace',
      token: false,
    });
    for (const { name: volume, readOnly } of container.volumeMounts)
      expect({ name, volume, readOnly }).toEqual({ name, volume, readOnly: volume === 'tmp' ? undefined : true });
  }
  expect(of('ServiceAccount')[0]).toMatchObject({ metadata: { name: 'idemtrace' }, automountServiceAccountToken: false });
});

/** Files that a pod's secrets are mounted as, each with some text. */
function secretFiles({ spec }: Pod, container: Container): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const { name, secret } of spec.volumes) {
    const mount = container.volumeMounts.find((candidate) => candidate.name === name);
    if (secret === undefined || mount === undefined) continue;
    expect(secret.defaultMode).toBe(0o440);
    for (const path of secret.items?.map((item) => item.path) ?? ['api-keys'])
      files[`${mount.mountPath}/${path}`] = path === 'api-keys' ? 'acme=0123456789abcdef\n' : 'secret\n';
  }
  return files;
}

test('idemtrace takes every setting that a process is given, and no process is given a secret that it does not use', () => {
  const settings = Object.fromEntries(
    Array.from(fileText(`${FOLDER}/settings.env`).matchAll(/^([A-Z_]+)=(.+)$/gm), ([, name, value]) => [name ?? '', value ?? '']),
  );
  expect(settings).toHaveProperty('IDEMTRACE_KAFKA_BROKERS');
  for (const { name, pod, container } of containers) {
    expect(container.envFrom).toEqual([{ configMapRef: { name: 'idemtrace-settings' } }]);
    const env = { ...settings, ...Object.fromEntries(container.env.map((entry) => [entry.name, entry.value])) };
    const files = secretFiles(pod, container);
    expect({ name, mistakes: mistakesOf(env, files) }).toEqual({ name, mistakes: [] });
    expect(
      Object.entries(env)
        .filter(([variable]) => variable.endsWith('_FILE'))
        .map(([, path]) => path)
        .sort(),
    ).toEqual(Object.keys(files).sort());
    // A secret's value is nowhere in the manifests.
    expect(container.env.filter((entry) => /(PASSWORD|SECRET|API_KEYS)$/.test(entry.name))).toEqual([]);
  }
});

test('secrets are those that the instructions make', () => {
  const said = fileText(`${FOLDER}/kustomization.yaml`);
  const made = new Set(
    workloads.flatMap(({ spec }) => spec.template.spec.volumes.flatMap(({ secret }) => (secret === undefined ? [] : [secret.secretName]))),
  );
  expect([...made].sort()).toEqual(['idemtrace-api-keys', 'idemtrace-secrets']);
  for (const name of made) expect(said).toContain(`create secret generic ${name}`);
  const keys = new Set(
    workloads.flatMap(({ spec }) => spec.template.spec.volumes.flatMap(({ secret }) => secret?.items?.map(({ key }) => key) ?? [])),
  );
  for (const key of keys) expect(said).toContain(`--from-file=${key}`);
});

test('every process runs a command that there is', { timeout: 240_000 }, async () => {
  const lines = containers.flatMap(({ container }) =>
    container.command === undefined ? [container.args.join(' ')] : commandsOfLine(container.args[0] ?? ''),
  );
  expect([...lines].sort()).toEqual(['detector', 'gateway', 'lineage migrate', 'lineage-sink', 'topics create']);
  expect(await Promise.all(lines.map(isCommand))).toEqual(lines.map(() => true));
});

test('the policy to start from has no mistake', () => {
  expect(readPolicy(fileText(`${FOLDER}/policy.yaml`))).toMatchObject({ ok: true });
});

test('whatever no rule names is shut, in both directions', () => {
  const [all] = of('NetworkPolicy').filter(({ metadata }) => metadata.name === 'idemtrace-default');
  expect(all?.spec).toMatchObject({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  const open = of('NetworkPolicy').filter(({ spec }) => spec.ingress !== undefined);
  expect(open.map(({ spec }) => selected(spec.podSelector))).toEqual([['idemtrace-gateway']]);
});
