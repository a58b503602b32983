import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedLog } from '../src/embedded/index.ts';
import { eventLogConformance } from './conformance.ts';

eventLogConformance('embedded', async () => {
  const path = await mkdtemp(join(tmpdir(), 'idemtrace-log-'));
  return {
    open: () => openEmbeddedLog({ path, leaseMs: 1500, pollIntervalMs: 10 }),
    dispose: () => rm(path, { recursive: true, force: true }),
  };
});
