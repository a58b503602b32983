/** The calls of a Confluent-compatible registry, as values and errors of ours. */
import { Agent as PlainAgent } from 'node:http';
import { Agent as SecureAgent } from 'node:https';
import { createRequire } from 'node:module';
import type { SchemaRegistryAPIClientArgs } from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import { RegistryError } from '../errors.ts';

/**
 * The client's class hides the texts of schemas and cannot set a compatibility level before the first registration: the calls below it can.
 * Required, not imported: loaders differ in what the default of a CommonJS module's `default` is.
 */
const registryApi: typeof import('@kafkajs/confluent-schema-registry/dist/api/index.js').default = createRequire(import.meta.url)(
  '@kafkajs/confluent-schema-registry/dist/api/index.js',
).default;

/** PEM texts; what is left out is the system's: its authorities, no certificate of our own. */
export interface RegistryTls {
  readonly ca?: string | readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  readonly servername?: string;
}

export interface ConfluentRegistryOptions {
  /** Base URL, e.g. `http://localhost:8081`; may have a path, as Apicurio's `/apis/ccompat/v7`. */
  readonly url: string;
  /** User and password, or a bearer token. */
  readonly auth?: { readonly username: string; readonly password: string } | { readonly token: string };
  /** Of an `https:` URL. */
  readonly tls?: RegistryTls;
  /** How long the registry may stay silent before it counts as away, ms. Default 5,000. */
  readonly timeoutMs?: number;
}

/** A version of a subject. */
export interface RegisteredVersion {
  readonly id: number;
  readonly version: number;
  readonly schema: string;
}

export interface RegistryClient {
  /** Schema text of an id; undefined where there is none. */
  schemaOf(id: number): Promise<string | undefined>;
  /** Where a schema is registered under a subject; undefined where it is not. */
  find(subject: string, schema: string): Promise<RegisteredVersion | undefined>;
  /** Whether the subject has any version. */
  hasVersions(subject: string): Promise<boolean>;
  versionsOf(subject: string): Promise<readonly RegisteredVersion[]>;
  register(subject: string, schema: string): Promise<number>;
  /** Compatibility level in force, the subject's own or the registry's; undefined where the registry knows no such subject. */
  compatibilityOf(subject: string): Promise<string | undefined>;
  setCompatibility(subject: string, level: string): Promise<void>;
}

/** Calls reject with `RegistryError`, and so does this, `no_registry`, where the URL is none. */
export function registryClient(options: ConfluentRegistryOptions): RegistryClient {
  const { host, auth } = addressOf(options);
  const { timeoutMs: timeout = 5000 } = options;
  const { Schema, Subject } = registryApi({
    clientId: 'idemtrace',
    host,
    agent: agentOf(host, options.tls),
    ...(auth !== undefined && ('token' in auth ? { middlewares: [bearer(auth.token)] } : { auth })),
  });
  let isRegistry = false;

  async function call(what: string, request: () => Promise<Answer>): Promise<unknown> {
    try {
      return (await request()).data();
    } catch (error) {
      throw errorOf(error, `${what} of the schema registry at ${host}`);
    }
  }

  /** Undefined where the registry has nothing of the kind. Some other server has not either, and says so with the same status. */
  async function look(what: string, request: () => Promise<Answer>): Promise<unknown> {
    try {
      return await call(what, request);
    } catch (error) {
      if (!(error instanceof RegistryError && error.code === 'not_registered')) throw error;
      isRegistry ||= Array.isArray(await call('Subjects', () => Subject.all({ timeout })).catch(unlessMissing));
      if (isRegistry) return undefined;
      throw new RegistryError('no_registry', `There is no schema registry at ${host}: check the URL and its path.`, { cause: error });
    }
  }

  async function latestOf(subject: string): Promise<RegisteredVersion | undefined> {
    const found = await look(`Versions of ${subject}`, () => Subject.latestVersion({ subject, timeout }));
    return found === undefined ? undefined : versionOf(found, host);
  }

  return {
    async schemaOf(id) {
      const found = await look(`Schema ${id}`, () => Schema.find({ id, timeout }));
      return found === undefined ? undefined : text(found, 'schema', host);
    },
    async find(subject, schema) {
      const found = await look(`Schema of ${subject}`, () => Subject.registered({ subject, body: { schema }, timeout }));
      return found === undefined ? undefined : versionOf(found, host);
    },
    async hasVersions(subject) {
      return (await latestOf(subject)) !== undefined;
    },
    async versionsOf(subject) {
      const last = await latestOf(subject);
      if (last === undefined) return [];
      const versions: RegisteredVersion[] = [];
      // The client has no call that lists the versions: they count up from 1, with gaps where one was deleted.
      for (let version = 1; version < last.version; version++) {
        const found = await look(`Version ${version} of ${subject}`, () => Subject.version({ subject, version, timeout }));
        if (found !== undefined) versions.push(versionOf(found, host));
      }
      return [...versions, last];
    },
    async register(subject, schema) {
      const answer = await call(`Registration of ${subject}`, () => Subject.register({ subject, body: { schema }, timeout }));
      return whole(answer, 'id', host);
    },
    async compatibilityOf(subject) {
      const found = await look(`Compatibility of ${subject}`, () => Subject.config({ subject, defaultToGlobal: true, timeout }));
      return found === undefined ? undefined : text(found, 'compatibilityLevel', host);
    },
    async setCompatibility(subject, level) {
      const body = { compatibility: level };
      await call(`Compatibility of ${subject}`, () => Subject.updateConfig({ subject, body, timeout }));
    },
  };
}

interface Answer {
  data(): unknown;
}

type Middleware = NonNullable<SchemaRegistryAPIClientArgs['middlewares']>[number];

function bearer(token: string): Middleware {
  return () => ({ prepareRequest: async (next) => (await next()).enhance({ headers: { authorization: `Bearer ${token}` } }) });
}

/** The URL without user and password: it is named in errors. */
function addressOf({ url, auth }: ConfluentRegistryOptions): { readonly host: string; readonly auth: ConfluentRegistryOptions['auth'] } {
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    throw new RegistryError('no_registry', 'The URL of the schema registry is none: give one that starts with http:// or https://.');
  const { username, password } = parsed;
  const own = username === '' ? undefined : { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  return { host: `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`, auth: auth ?? own };
}

/** No connection outlives its call: lookups are few, and one that is kept is dead after the registry was started again. */
function agentOf(host: string, tls: RegistryTls | undefined): PlainAgent {
  if (!host.startsWith('https:')) return new PlainAgent({ keepAlive: false });
  const { ca, ...rest } = tls ?? {};
  return new SecureAgent({ keepAlive: false, ...rest, ...(ca !== undefined && { ca: typeof ca === 'string' ? ca : [...ca] }) });
}

/** The client answers with status 400 where it reached nobody, or nobody answered in time; the registry has no use for it in these calls. */
const AWAY: ReadonlySet<number> = new Set([400, 408, 425, 429]);

function errorOf(error: unknown, what: string): RegistryError {
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 0;
  const reason = error instanceof Error ? error.message.replace(/^idemtrace - /, '') : String(error);
  const of = (code: RegistryError['code'], advice: string) => new RegistryError(code, `${what}: ${reason}. ${advice}`, { cause: error });
  if (AWAY.has(status) || status >= 500) return of('away', 'It is away: ask again.');
  if (status === 401 || status === 403) return of('not_allowed', 'Check the user, its password or token, and its permissions.');
  if (status === 404) return of('not_registered', 'It has to be registered first.');
  if (status === 409) return of('incompatible', 'What is registered cannot be changed in this way.');
  return of('refused', `Status ${status}.`);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof RegistryError && error.code === 'not_registered') return undefined;
  throw error;
}

function versionOf(answer: unknown, host: string): RegisteredVersion {
  return { id: whole(answer, 'id', host), version: whole(answer, 'version', host), schema: text(answer, 'schema', host) };
}

function whole(answer: unknown, name: string, host: string): number {
  const value = member(answer, name);
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw strange(name, host);
}

function text(answer: unknown, name: string, host: string): string {
  const value = member(answer, name);
  if (typeof value === 'string') return value;
  throw strange(name, host);
}

function member(answer: unknown, name: string): unknown {
  return typeof answer === 'object' && answer !== null ? Reflect.get(answer, name) : undefined;
}

function strange(name: string, host: string): RegistryError {
  return new RegistryError('no_registry', `What answers at ${host} is no schema registry: its answer has no ${name}. Check the URL.`);
}
