/** `idemtrace alerts`: what was published, and with --follow what comes. */
import { SEVERITY_SYMBOLS, type Severity } from '@idemtrace/schemas';
import { EXIT } from '../output/command-error.ts';
import { alertText } from '../output/summary.ts';
import { openStore } from '../pipeline/store.ts';
import { followAlerts } from '../replay/follow-alerts.ts';
import { type CommonOptions, type Context, configure } from './context.ts';

export interface AlertsOptions extends CommonOptions {
  readonly follow?: boolean;
  readonly severity: Exclude<Severity, 'unspecified'>;
  readonly tenant?: string;
}

export async function alertsCommand(context: Context, options: AlertsOptions): Promise<number> {
  const { screen, signal } = context;
  const { config } = configure(context, options);
  const store = await openStore(config);
  const least = SEVERITY_SYMBOLS.indexOf(options.severity);
  const severities = new Map<string, Severity>();
  let printed = 0;
  try {
    for await (const alert of followAlerts(store, config.topics.alerts, { follow: options.follow === true, signal })) {
      if (options.tenant !== undefined && alert.tenantId !== options.tenant) continue;
      const before = severities.get(alert.alertId);
      severities.set(alert.alertId, alert.severity);
      // A revision that takes an alert back matters to whoever has seen it.
      const highest = Math.max(SEVERITY_SYMBOLS.indexOf(alert.severity), before === undefined ? 0 : SEVERITY_SYMBOLS.indexOf(before));
      if (highest < least) continue;
      printed += 1;
      const revised = before === undefined || before === alert.severity ? '' : ` (was ${before})`;
      screen.print(options.json === true ? JSON.stringify(alert) : `${alertText(alert, screen)}${revised}`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await store.close();
  }
  if (printed === 0 && options.json !== true) screen.note(`No alerts of ${options.severity} and above in ${config.dataDir}.`);
  return EXIT.ok;
}
