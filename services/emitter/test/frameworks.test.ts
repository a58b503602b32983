import { expect, test } from 'vitest';
import { createBench, SCOPE } from './world.ts';

/**
 * The shapes in which frameworks take a tool's function, as their declarations have them: AI SDK (`ToolExecuteFunction` of
 * `@ai-sdk/provider-utils`), OpenAI Agents (`tool` of `@openai/agents-core`), LangChain (`tool` of `@langchain/core/tools`), Mastra
 * (`createTool` of `@mastra/core/tools`). The frameworks themselves are put to it by test/frameworks.
 */
interface Schema<T> {
  readonly parse: (value: unknown) => T;
}
declare function aiTool<I, O>(tool: {
  readonly inputSchema: Schema<I>;
  readonly execute: (
    input: NoInfer<I>,
    options: { toolCallId: string; abortSignal?: AbortSignal },
  ) => AsyncIterable<O> | PromiseLike<O> | O;
}): { readonly execute: (input: I, options: { toolCallId: string }) => unknown };
declare function agentsTool<I, R>(tool: {
  readonly parameters: Schema<I>;
  readonly execute: (input: NoInfer<I>, context?: { context: unknown }, details?: { toolCall?: { callId: string } }) => Promise<R> | R;
}): unknown;
declare function langchainTool<I, R>(
  fn: (input: I, config: { toolCall?: { id?: string } }) => R,
  fields: { readonly schema: Schema<I> },
): unknown;
declare function mastraTool<I, O>(tool: {
  readonly inputSchema: Schema<I>;
  readonly execute: (input: NoInfer<I>, context: { agent?: { toolCallId: string } }) => Promise<O>;
}): unknown;

type Invoice = { readonly invoice_id: string };
const invoice: Schema<Invoice> = { parse: (value) => value as Invoice };

/** Compiled, never called: what it holds is that it compiles. */
function wrappedInline({ idemtrace }: ReturnType<typeof createBench>): readonly unknown[] {
  const options = { effect: 'write', effectKey: (input: Invoice) => input.invoice_id } as const;
  return [
    aiTool({ inputSchema: invoice, execute: idemtrace.tool('charge', async (input: Invoice) => ({ paid: input.invoice_id }), options) }),
    aiTool({
      inputSchema: invoice,
      execute: idemtrace.tool(
        'charge',
        async (input: Invoice, { abortSignal }: { abortSignal?: AbortSignal }) => [input, abortSignal],
        options,
      ),
    }),
    aiTool({
      inputSchema: invoice,
      execute: idemtrace.tool('stream', async function* (input: Invoice) {
        yield input.invoice_id;
      }),
    }),
    agentsTool({ parameters: invoice, execute: idemtrace.tool('charge', async (input: Invoice) => input.invoice_id, options) }),
    langchainTool(
      idemtrace.tool('charge', async (input: Invoice) => input.invoice_id, options),
      { schema: invoice },
    ),
    mastraTool({
      inputSchema: invoice,
      execute: idemtrace.tool('charge', async (input: Invoice) => ({ paid: input.invoice_id }), options),
    }),
  ];
}

test('a wrapped tool may stand where frameworks take one, and gets the arguments that they pass though it declares one', async () => {
  expect(wrappedInline).toBeTypeOf('function');
  const { idemtrace, transport } = createBench();
  const execute: (input: Invoice, options: { toolCallId: string }) => Promise<string> = idemtrace.tool(
    'charge',
    async (input: Invoice) => input.invoice_id,
  );
  expect(await idemtrace.run(SCOPE, () => execute({ invoice_id: 'i' }, { toolCallId: 'call-1' }))).toBe('i');
  await idemtrace.flush();
  expect(transport.toolCalls.map(({ toolCallId }) => toolCallId)).toEqual(['call-1', 'call-1']);
});
