/** Every span that idemtrace makes: the one table. */
export const SPANS = {
  'idemtrace.alert': {
    attributes: {
      'idemtrace.rule': 'Name of the rule',
      'idemtrace.severity': '`info`, `warning` or `critical`',
      'idemtrace.alert.id': 'Id of the alert',
      'idemtrace.alert.revision': 'Its revision',
      'idemtrace.outcome': 'Of the batch: `committed`, `fenced` or `inDoubt`; only the first has surely published it',
    },
    meaning:
      'An alert, from its verdict to the commit that publishes it. Its parent is the span that the causing event was emitted in (header `traceparent`); the alert’s record carries its own on.',
  },
  'idemtrace.batch': {
    attributes: {
      'idemtrace.partition': 'Number of the partition',
      'idemtrace.records': 'Records of the batch',
      'idemtrace.alerts': 'Alerts of the batch',
      'idemtrace.outcome': '`committed`, `fenced` or `inDoubt`',
    },
    meaning: 'A batch that had alerts, from its records to its commit, with links to the spans of the first 32 of them.',
  },
} as const;

export type SpanName = keyof typeof SPANS;
