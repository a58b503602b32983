import type { EmittedEvent } from './transport.ts';

/**
 * About how many bytes an event takes as JSON: a bound for memory and requests, not a measure. Serializing it to count would cost more than
 * all the rest of observing a call.
 */
export function approximateBytes({ name, value }: EmittedEvent): number {
  if (name === 'RunEvent') return 900;
  const disclosed = value.disclosed.reduce((sum, { json }) => sum + 60 + json.length, 1600);
  return name === 'ToolCallEvent'
    ? disclosed + 80 * value.argumentDigests.length + 40 * value.groundedOn.length
    : value.documents.reduce((sum, { id }) => sum + 120 + id.length, disclosed);
}
