/** What parent and child of the embedded engine say to each other over their IPC channel. Nothing of it is on a command line. */

export interface StartMessage {
  readonly type: 'start';
  readonly path: string;
  /** 0 for any free port. */
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** Package that holds the engine. */
  readonly engine: string;
}

export interface StopMessage {
  readonly type: 'stop';
}

export type ParentMessage = StartMessage | StopMessage;

/**
 * - `engine_unavailable`: the engine's package is not installed, or has no build for this platform
 * - `engine_in_use`: another process holds the data folder
 * - `engine_failed`: the engine did not start, for any other reason
 */
export type EngineErrorCode = 'engine_unavailable' | 'engine_in_use' | 'engine_failed';

export type ChildMessage =
  | { readonly type: 'ready'; readonly port: number; readonly version: string }
  | { readonly type: 'failed'; readonly code: EngineErrorCode; readonly detail: string };
