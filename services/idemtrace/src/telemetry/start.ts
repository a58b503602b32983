/** Telemetry of a process, or of a thread of one: off, and nothing loaded for it, unless the standard variables ask for it. */
import type { Logger } from '../pipeline/pipeline.ts';
import type { Part } from './metric.ts';
import type { DetectorTelemetry, GatewayTelemetry, SinkTelemetry } from './parts.ts';
import { signalsOf } from './settings.ts';

export interface Telemetry {
  detector(): DetectorTelemetry;
  sink(): SinkTelemetry;
  gateway(): GatewayTelemetry;
  /** Exports what is left, for at most 5 s. To be called when the part has ended and before its log is closed. Never rejects. */
  shutdown(): Promise<void>;
}

export interface TelemetryOptions {
  readonly part: Part;
  /** Those of the process: the SDK reads the rest of them itself. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** Undefined where no signal is configured. Once a thread: the SDK's providers are global. */
export async function startTelemetry({ env, ...options }: TelemetryOptions): Promise<Telemetry | undefined> {
  const signals = signalsOf(env);
  if (!signals.traces && !signals.metrics) return undefined;
  const { startSdk } = await import('./open-telemetry.ts');
  return startSdk({ ...options, env, signals });
}
