import { hash } from 'node:crypto';
import type { JudgedEvent } from './domain/fact.ts';

/** Digest of an event's content, 16 characters: the same identity with another content is no redelivery but a conflict. */
export function contentDigest(event: JudgedEvent): string {
  return hash('sha256', JSON.stringify(contentOf(event)), 'base64url').slice(0, 16);
}

/** The event without what two deliveries of it may differ in: who sent it, when, and under which policy. */
function contentOf(event: JudgedEvent): unknown {
  switch (event.name) {
    case 'ToolCallEvent':
    case 'RetrievalEvent': {
      const { emitterId, sequence, occurredAt, policyVersion, traceId, durationMs, ...content } = event.value;
      return content;
    }
    case 'RunEvent': {
      const { emitterId, sequence, occurredAt, policyVersion, traceId, ...content } = event.value;
      return content;
    }
  }
}
