/** Which signals the standard variables ask for. Without any of them telemetry is off, and its libraries are not loaded. */

export interface Signals {
  readonly traces: boolean;
  readonly metrics: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * A signal is on where its exporter is named (and is not `none`), or where there is an endpoint for it and no exporter is named. A
 * configuration file (`OTEL_CONFIG_FILE`) says for itself what is on. `OTEL_SDK_DISABLED=true` turns all off.
 */
export function signalsOf(env: Env): Signals {
  if (env.OTEL_SDK_DISABLED?.trim().toLowerCase() === 'true') return { traces: false, metrics: false };
  if (isSet(env.OTEL_CONFIG_FILE)) return { traces: true, metrics: true };
  return { traces: isOn(env, 'TRACES'), metrics: isOn(env, 'METRICS') };
}

function isOn(env: Env, signal: 'TRACES' | 'METRICS'): boolean {
  const exporter = env[`OTEL_${signal}_EXPORTER`];
  if (isSet(exporter)) return exporter?.trim() !== 'none';
  return isSet(env.OTEL_EXPORTER_OTLP_ENDPOINT) || isSet(env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value.trim() !== '';
}
