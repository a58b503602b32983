/** OpenTelemetry's SDK, set up by the standard variables. The only module that loads it. */
import { context, type DiagLogger, DiagLogLevel, diag, metrics, propagation, trace } from '@opentelemetry/api';
import {
  defaultResource,
  hostDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { startNodeSdk } from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME } from '@opentelemetry/semantic-conventions';
import type { Logger } from '../pipeline/pipeline.ts';
import type { Part } from './metric.ts';
import { detectorTelemetry, gatewayTelemetry, sinkTelemetry } from './parts.ts';
import type { Signals } from './settings.ts';
import type { Telemetry } from './start.ts';

const SCOPE = 'idemtrace';
/** What is not exported by then is given up: telemetry must not hold up the end. */
const SHUTDOWN_MS = 5_000;

export interface SdkOptions {
  readonly part: Part;
  readonly signals: Signals;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

export function startSdk({ part, signals, env, logger }: SdkOptions): Telemetry {
  const sdk = startNodeSdk({
    // Of an unnamed service; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
    baseResource: defaultResource().merge(resourceFromAttributes({ [ATTR_SERVICE_NAME]: `idemtrace-${part}` })),
    // The detector of the process would tell its command line and its user.
    ...(env.OTEL_NODE_RESOURCE_DETECTORS === undefined && {
      resourceDetectors: [serviceInstanceIdDetector, serviceNameEnvDetector, hostDetector],
    }),
    ...(!signals.traces && { spanProcessors: [] }),
    ...(!signals.metrics && { metricReaders: [] }),
    logRecordProcessors: [],
  });
  diag.setLogger(diagnostics(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const meter = metrics.getMeter(SCOPE);
  return {
    detector: () => detectorTelemetry(meter, trace.getTracer(SCOPE)),
    sink: () => sinkTelemetry(meter),
    gateway: () => gatewayTelemetry(meter),
    async shutdown() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref());
      await Promise.race([sdk.shutdown().catch(() => logger.warn({ service: 'telemetry' }, 'telemetry did not end in order')), late]);
      for (const api of [metrics, trace, context, propagation, diag]) api.disable();
    },
  };
}

/** Its complaints as log lines: standard output is for what the program prints. */
function diagnostics(logger: Logger): DiagLogger {
  const say = (level: 'warn' | 'error') => (message: string) => logger[level]({ service: 'telemetry' }, message);
  const nothing = () => {};
  return { error: say('error'), warn: say('warn'), info: nothing, debug: nothing, verbose: nothing };
}
