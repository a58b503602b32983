import { defineConfig } from 'vitest/config';

/** What takes too long for every run: `pnpm test:full`. */
const long = process.env.IDEMTRACE_FULL === '1' ? ['test/**/*.long.ts'] : [];

export default defineConfig({
  test: {
    include: ['schemas/test/**/*.test.ts', 'infra/**/*.test.ts', 'services/*/test/**/*.test.ts', 'test/**/*.test.ts', ...long],
    globalSetup: ['infra/local/src/testing/global-setup.ts'],
    pool: 'forks',
    // The first test of a run that needs a service waits for its start, on a machine that may be busy.
    testTimeout: 240_000,
    hookTimeout: 240_000,
  },
});
