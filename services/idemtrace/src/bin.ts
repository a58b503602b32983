#!/usr/bin/env node
/** The program. Says what to do where Node is too old, before anything that needs a newer one is loaded. */
const LEAST = [22, 19] as const;
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < LEAST[0] || (major === LEAST[0] && minor < LEAST[1])) {
  console.error(
    `idemtrace needs Node ${LEAST.join('.')} or later, and this is ${process.version}. In a clone on Linux, pnpm brings its own: npx -y pnpm@12 idemtrace …; elsewhere install a newer Node.`,
  );
  process.exitCode = 3;
} else {
  // Whoever reads the output may have read enough (`| head`): that is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 70));
  const { quietKnownWarnings } = await import('./output/warnings.ts');
  quietKnownWarnings();
  const { main } = await import('./cli.ts');
  process.exitCode = await main(process.argv.slice(2));
}
