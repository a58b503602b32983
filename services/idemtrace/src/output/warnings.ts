/**
 * Node's warnings on standard error, but for those that would only stand in the way: SQLite is stable enough for what the log does with it, and
 * the Kafka client waits for times that are over. To be called once in each thread.
 */
export function quietKnownWarnings(): void {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => {
    if (name !== 'ExperimentalWarning' && name !== 'TimeoutNegativeWarning') console.error(`${name}: ${message}`);
  });
}
