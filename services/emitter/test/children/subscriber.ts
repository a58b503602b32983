/** A subscriber that tells its parent of each alert that it begins, and takes its time over it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { subscribeToAlerts } from '../../src/alerts/index.ts';

process.once('disconnect', () => process.exit(1));
await subscribeToAlerts(JSON.parse(process.argv[2] ?? ''), async ({ alertId }) => {
  process.send?.(alertId);
  await sleep(40);
});
process.send?.('ready');
