/** What the pipeline's threads say to each other. Plain values: they are copied from thread to thread. */
import type { DetectorStatus, StartFrom } from '@idemtrace/detector';
import type { LineageAddress, SinkStatus } from '@idemtrace/lineage';
import type { LogAdapter, RegistryAdapter, WindowsAdapter } from './adapters.ts';

interface PartBase {
  readonly log: LogAdapter;
  readonly registry: RegistryAdapter;
  readonly topics: { readonly events: string; readonly alerts: string; readonly deadLetters: string };
  readonly group: string;
}

/** What a thread is started with. */
export type PartSpec =
  | (PartBase & {
      readonly kind: 'detector';
      readonly windows: WindowsAdapter;
      readonly policy: string | undefined;
      readonly windowMs: number;
      readonly maxRecords: number;
      readonly maxBytes: number;
      /** Where a group that never committed starts. */
      readonly from: StartFrom | undefined;
      /** Where operational samples go, if anywhere. */
      readonly samples: LineageAddress | undefined;
    })
  | (PartBase & { readonly kind: 'lineage sink'; readonly address: LineageAddress });

export interface PartStatus {
  /** `heapBytes`: memory in use by the part's thread, windows included. */
  readonly detector: DetectorStatus & { readonly heapBytes: number };
  readonly 'lineage sink': SinkStatus;
}

export type PartRequest = { readonly id: number; readonly ask: 'status' | 'drain' | 'close' };

export type PartMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly error: PartFault }
  | { readonly type: 'failed'; readonly error: PartFault }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    };

/** An error on its way between threads. */
export interface PartFault {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly stack: string | undefined;
}
