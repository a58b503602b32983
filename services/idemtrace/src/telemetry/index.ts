export type { Part } from './metric.ts';
export { METRICS } from './metrics.ts';
export type { DetectorReadings, DetectorTelemetry, GatewayTelemetry, SinkReadings, SinkTelemetry } from './parts.ts';
export { signalsOf } from './settings.ts';
export { startTelemetry, type Telemetry, type TelemetryOptions } from './start.ts';
