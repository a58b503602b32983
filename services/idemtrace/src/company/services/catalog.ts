/** Every tool of the company, by name. */
import type { Json, JsonObject } from '../json.ts';
import { billingTools } from './billing.ts';
import { deskTools } from './desk.ts';
import { documentTools } from './documents.ts';
import { officeTools } from './office.ts';
import type { Tool } from './tool.ts';

export const TOOLS = { ...billingTools, ...deskTools, ...documentTools, ...officeTools };

export type ToolName = keyof typeof TOOLS;
export type InputOf<N extends ToolName> = Parameters<(typeof TOOLS)[N]['run']>[1];
export type AnswerOf<N extends ToolName> = ReturnType<(typeof TOOLS)[N]['run']>;

/** A tool as the machinery around it sees it: from there its input and answer are any JSON. */
export function toolOf(name: ToolName): Tool<JsonObject, Json> {
  return TOOLS[name] as unknown as Tool<JsonObject, Json>;
}
