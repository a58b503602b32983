/** What every adapter of the event-log port owes. It asks nothing of timing but that a cluster may take its time. */
import { describe } from 'vitest';
import { closingConformance } from './conformance/closing.ts';
import { commitsConformance } from './conformance/commits.ts';
import { consumingConformance } from './conformance/consuming.ts';
import { ownersConformance } from './conformance/owners.ts';
import { readingConformance } from './conformance/reading.ts';
import { type LogUnderTest, sceneOf } from './conformance/scene.ts';

export function eventLogConformance(name: string, create: () => Promise<LogUnderTest>): void {
  describe(`event log: ${name}`, () => {
    const scene = sceneOf(create);
    readingConformance(scene);
    consumingConformance(scene);
    commitsConformance(scene);
    ownersConformance(scene);
    closingConformance(scene);
  });
}
