/** Certificates for a service of this machine and its clients, signed by an authority of their own. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OPENSSL, program } from './programs.ts';

const run = promisify(execFile);
const DAYS = '3650';

/** Paths of PEM files. */
export interface Certificates {
  /** The authority that signed the others. */
  readonly ca: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly serverCertificate: string;
  readonly serverKey: string;
  /** The server's key and certificate in one file. */
  readonly serverStore: string;
}

/** Makes them in `folder` with openssl, where they are not there yet. */
export async function certificates(folder: string): Promise<Certificates> {
  const path = (file: string) => join(folder, file);
  const made = {
    ca: path('ca.pem'),
    clientCertificate: path('client.pem'),
    clientKey: path('client.key'),
    serverCertificate: path('server.pem'),
    serverKey: path('server.key'),
    serverStore: path('server-store.pem'),
  };
  if (existsSync(made.serverStore)) return made;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const openssl = await program(OPENSSL);
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await run(openssl, [
    'req',
    '-x509',
    ...key,
    '-keyout',
    path('ca.key'),
    '-out',
    made.ca,
    '-days',
    DAYS,
    '-subj',
    '/CN=idemtrace local authority',
  ]);
  for (const [name, subject] of [
    ['server', '/CN=localhost'],
    ['client', '/CN=idemtrace-client'],
  ] as const) {
    await run(openssl, ['req', ...key, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`), '-subj', subject]);
    writeFileSync(path('names.cnf'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const signed = ['-CA', made.ca, '-CAkey', path('ca.key'), '-CAcreateserial', '-days', DAYS, '-extfile', path('names.cnf')];
    await run(openssl, ['x509', '-req', '-in', path(`${name}.csr`), '-out', path(`${name}.pem`), ...signed]);
  }
  writeFileSync(made.serverStore, readFileSync(made.serverKey, 'utf8') + readFileSync(made.serverCertificate, 'utf8'), { mode: 0o600 });
  return made;
}
