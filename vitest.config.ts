import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['schemas/test/**/*.test.ts', 'infra/**/*.test.ts', 'services/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    globalSetup: ['infra/local/src/testing/global-setup.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
