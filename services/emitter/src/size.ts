import type { EmittedEvent } from './transport.ts';

/**
 * About how many bytes an event takes as JSON: a bound for memory and requests, not a measure. Serializing it to count would cost more than
 * all the rest of observing a call.
 */
export function approximateBytes(event: EmittedEvent): number {
  let bytes = 900;
  if (event.headers !== undefined) for (const name in event.headers) bytes += name.length + (event.headers[name] ?? '').length;
  if (event.name === 'RunEvent') return bytes;
  for (const field of event.value.disclosed) bytes += 30 + field.path.length + field.json.length;
  if (event.name === 'ToolCallEvent') {
    bytes += 700;
    for (const leaf of event.value.argumentDigests) bytes += 56 + leaf.path.length;
    for (const id of event.value.groundedOn) bytes += 3 + id.length;
  } else {
    for (const document of event.value.documents) bytes += 60 + document.id.length + (document.tenantId?.length ?? 0);
  }
  return bytes;
}
