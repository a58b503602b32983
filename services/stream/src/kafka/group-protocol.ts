/** What members of a group tell each other through the coordinator: which partitions they had, and which they get. Bytes as Kafka's consumers use. */
import { AssignerProtocol, type MemberAssignment } from 'kafkajs';
import { assign, type Share } from '../assignment.ts';

/** All members of a group name the same protocol: a group is not shared with consumers of another kind. */
export const protocolName = 'idemtrace-sticky';

/** The partitions that a member had in a generation. */
export interface Claim {
  readonly memberId: string;
  readonly topics: readonly string[];
  readonly generation: number;
  readonly partitions: readonly number[];
}

export function encodeClaim(topic: string, had: Pick<Claim, 'generation' | 'partitions'> | undefined): Buffer {
  const userData = Buffer.from(JSON.stringify({ generation: had?.generation ?? -1, partitions: had?.partitions ?? [] }));
  return AssignerProtocol.MemberMetadata.encode({ version: 0, topics: [topic], userData });
}

export function claimOf({ memberId, memberMetadata }: { readonly memberId: string; readonly memberMetadata: Buffer }): Claim {
  const metadata = AssignerProtocol.MemberMetadata.decode(memberMetadata);
  const had = JSON.parse(metadata?.userData.toString() || '{}') as Partial<Claim>;
  return { memberId, topics: metadata?.topics ?? [], generation: had.generation ?? -1, partitions: had.partitions ?? [] };
}

/** Owner of each of a topic's partitions. Of two that claim one, the later generation had it last. */
export function assignTopic(claims: readonly Claim[], partitions: number): ReadonlyMap<number, string> {
  const last = new Map<number, Claim>();
  for (const claim of claims) {
    for (const partition of claim.partitions) {
      if (claim.generation > (last.get(partition)?.generation ?? -1)) last.set(partition, claim);
    }
  }
  const shares = Array.from({ length: partitions }, (_, partition): Share => ({ partition, member: last.get(partition)?.memberId }));
  return assign(claims.map(({ memberId }) => memberId).sort(), shares);
}

/** The leader's answer: of each topic, its partitions among the members that subscribe to it; of a topic that is gone, none. */
export async function encodeAssignments(
  claims: readonly Claim[],
  partitionsOf: (topic: string) => Promise<number | undefined>,
): Promise<readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]> {
  const assignments = new Map(claims.map(({ memberId }) => [memberId, {} as Record<string, number[]>]));
  for (const topic of new Set(claims.flatMap(({ topics }) => topics))) {
    const subscribed = claims.filter(({ topics }) => topics.includes(topic));
    for (const [partition, memberId] of assignTopic(subscribed, (await partitionsOf(topic)) ?? 0)) {
      const assignment = assignments.get(memberId) ?? {};
      assignment[topic] = [...(assignment[topic] ?? []), partition];
    }
  }
  return [...assignments].map(([memberId, assignment]) => ({
    memberId,
    memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: 0, assignment, userData: Buffer.alloc(0) }),
  }));
}

export function decodeAssignment(assignment: MemberAssignment | null, topic: string): readonly number[] {
  return [...(assignment?.assignment[topic] ?? [])].sort((left, right) => left - right);
}
