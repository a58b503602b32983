/**
 * Tools wrapped inline where each framework takes one: that they compile, that the framework calls them, and that the event names the call of
 * the model. Run by the test command where the frameworks are installed (`install` in this folder).
 */
import { deepStrictEqual } from 'node:assert';
import { createIdemtrace } from '@idemtrace/sdk';
import { recordingTransport } from '@idemtrace/sdk/testing';
import { tool as langchainTool } from '@langchain/core/tools';
import { createTool as mastraTool } from '@mastra/core/tools';
import { tool as agentsTool, RunContext } from '@openai/agents-core';
import { tool as aiTool } from 'ai';
import { z } from 'zod';

const transport = recordingTransport();
const idemtrace = createIdemtrace({ transport, hashKey: { id: 'k1', secret: 'a secret of at least thirty-two bytes' } });
const invoice = z.object({ invoiceId: z.string() });
type Invoice = z.infer<typeof invoice>;

const ai = aiTool({
  inputSchema: invoice,
  execute: idemtrace.tool('ai', async (input) => ({ paid: input.invoiceId }), { effect: 'write', effectKey: (input) => input.invoiceId }),
});

const aiWithContext = aiTool({
  inputSchema: invoice,
  execute: idemtrace.tool('ai_with_context', async (input: Invoice, { toolCallId }: { toolCallId: string }) => ({
    paid: input.invoiceId,
    toolCallId,
  })),
});

const agents = agentsTool({
  name: 'agents',
  description: 'Pays an invoice.',
  parameters: invoice,
  execute: idemtrace.tool('agents', async (input) => input.invoiceId, { effect: 'write' }),
});

const langchain = langchainTool(
  idemtrace.tool('langchain', async (input: Invoice) => input.invoiceId, { effect: 'write', effectKey: (input) => input.invoiceId }),
  { name: 'langchain', description: 'Pays an invoice.', schema: invoice },
);

const mastra = mastraTool({
  id: 'mastra',
  description: 'Pays an invoice.',
  inputSchema: invoice,
  execute: idemtrace.tool('mastra', async (input) => ({ paid: input.invoiceId }), { effect: 'write' }),
});

const input = { invoiceId: 'INV-1' };
await idemtrace.run({ tenantId: 'acme', workflowId: 'w' }, async () => {
  await ai.execute?.(input, { toolCallId: 'call-ai', messages: [], context: {} });
  await aiWithContext.execute?.(input, { toolCallId: 'call-ai-2', messages: [], context: {} });
  const call = {
    type: 'function_call',
    callId: 'call-agents',
    name: 'agents',
    arguments: JSON.stringify(input),
    status: 'completed',
  } as const;
  await agents.invoke(new RunContext(), JSON.stringify(input), { toolCall: call });
  await langchain.invoke({ type: 'tool_call', id: 'call-langchain', name: 'langchain', args: input });
  await mastra.execute?.(input, { agent: { toolCallId: 'call-mastra', messages: [], suspend: async () => {} } } as never);
});
await idemtrace.flush();

const seen = transport.toolCalls
  .filter(({ phase }) => phase !== 'started')
  .map(({ tool, phase, toolCallId }) => `${tool} ${phase} ${toolCallId}`);
deepStrictEqual(seen, [
  'ai succeeded call-ai',
  'ai_with_context succeeded call-ai-2',
  'agents succeeded call-agents',
  'langchain succeeded call-langchain',
  'mastra succeeded call-mastra',
]);
console.log(`wrapped tools compiled and ran in ${seen.length} places`);
