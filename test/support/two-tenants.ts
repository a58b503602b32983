/** A recording of two tenants who do the same. Whatever the first one names holds its canary, so that its bytes can be looked for. */
export const CANARY = 'can4ry';
export const ERASED = `${CANARY} & co/7`;
export const KEPT = 'globex';

/** Eight workflows each: two runs that make the same calls, and retrieve documents of their own and one of nobody. */
export function twoTenants(): string {
  return [ERASED, KEPT]
    .flatMap((tenantId) => Array.from({ length: 8 }, (_, workflow) => workflowOf(tenantId, workflow)).flat())
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
}

function workflowOf(tenantId: string, workflow: number): readonly object[] {
  const mark = tenantId === ERASED ? CANARY : KEPT;
  const workflowId = `${mark}-workflow-${workflow}`;
  return [1, 2].flatMap((attempt) => {
    const common = { tenantId, workflowId, runId: `${mark}-run-${workflow}-${attempt}`, attempt, agentId: `${mark}-agent` };
    const call = (stepIndex: number, tool: string) => ({
      kind: 'tool_call',
      ...common,
      stepIndex,
      toolCallId: `${mark}-call-${workflow}-${attempt}-${stepIndex}`,
      tool,
      arguments: { invoice_id: `${mark}-invoice-${workflow}`, note: `${mark}-note-${workflow}-${stepIndex}` },
      status: 'succeeded',
      result: { id: `${mark}-result-${workflow}-${stepIndex}` },
    });
    const retrieval = {
      kind: 'retrieval',
      ...common,
      stepIndex: 2,
      dataSource: `${mark}-source`,
      query: `${mark}-query`,
      documents: [{ id: `${mark}-document-${workflow}`, tenantId }, { id: `${mark}-stray` }],
    };
    return [call(0, `${mark}.charge`), call(1, `${mark}.mail`), retrieval, call(3, `${mark}.close`)];
  });
}

/** Everything is a write; a member of each input is told in clear, as its operator wants it. */
export const POLICY = `version: erasure-1
defaultEffect: write
tools:
  "*": { effect: write, disclose: { input: [note] } }
`;
