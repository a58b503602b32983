import { canonicalText, type HashKey, IdentityProvider, toPlainJson } from '@idemtrace/identity';
import type { DocumentRef as EventDocument, RetrievalEvent, RunEvent, RunStatus, ToolCallEvent } from '@idemtrace/schemas';
import { type CompiledPolicy, EMPTY_POLICY, PolicyLookup } from '@idemtrace/schemas/policy';
import type { CallDescription, DocumentRef, Moment, PreparedCall, RetrievalDescription, RunIdentity } from './descriptions.ts';
import { disclose } from './disclosure.ts';
import { resolveEffectClass } from './effect-class.ts';
import { optionalId, requiredId } from './event-id.ts';
import type { Outcome } from './outcome.ts';
import { effectKeyOf, type ReadInput, readInput } from './read-input.ts';
import type { RunTracker } from './tracker.ts';
import type { EmittedEvent } from './transport.ts';

/**
 * Makes events of what happened: below the wrappers, so that calls read from a file become the same events. It knows no clock, no run context
 * and no network. Throws only where the tenant's hash key cannot be used.
 */
export interface EventBuilder {
  runEvent(
    run: RunIdentity,
    phase: 'started' | 'suspended' | 'ended',
    at: Moment,
    status?: Exclude<RunStatus, 'unspecified'>,
    headers?: Readonly<Record<string, string>>,
  ): EmittedEvent;
  /** Resolves class, effect name and key, hashes and digests: once per execution, before the tool can change its input. */
  prepareCall(run: RunIdentity, call: CallDescription, tracker: RunTracker): PreparedCall;
  started(call: PreparedCall, at: Moment): EmittedEvent;
  settled(
    call: PreparedCall,
    outcome: Outcome,
    at: Moment & { readonly durationMs?: number | undefined },
    result?: { readonly value: unknown },
  ): EmittedEvent;
  retrievalEvent(run: RunIdentity, retrieval: RetrievalDescription, at: Moment): EmittedEvent;
}

export interface EventBuilderOptions {
  readonly hashKey: HashKey;
  readonly policy?: CompiledPolicy | undefined;
  /** Asked once for each event. */
  readonly origin: (tenantId: string) => Origin;
}

/** Who made an event. An emitter serves one tenant, so that each tenant sees whole sequences, and none sees how much the others do. */
export interface Origin {
  /** A UUID. */
  readonly emitterId: string;
  /** From 0, without gaps within the emitter. */
  readonly sequence: number;
}

const MOST_DOCUMENTS = 256;
const MOST_GROUNDS = 256;

/** Throws HashKeyError where the key cannot be used. */
export function createEventBuilder(options: EventBuilderOptions): EventBuilder {
  const policy = new PolicyLookup(options.policy ?? EMPTY_POLICY);
  const policyVersion = policy.policy.version;
  const identities = new IdentityProvider(options.hashKey);

  const stamp = (tenantId: string, { occurredAt }: Moment) => ({ occurredAt, ...options.origin(tenantId), policyVersion, traceId: null });

  return {
    runEvent(run, phase, at, status, headers) {
      const value: RunEvent = {
        ...runFields(run),
        incarnation: run.incarnation ?? 0,
        phase,
        status: status ?? null,
        ...stamp(run.tenantId, at),
      };
      return headers === undefined ? { name: 'RunEvent', value } : { name: 'RunEvent', value, headers };
    },

    prepareCall(run, call, tracker) {
      const identity = identities.forTenant(run.tenantId);
      const tool = requiredId(call.tool);
      const entry = policy.tool(tool);
      const input = readInput(call, entry);
      const key = effectKeyOf(call, entry, input);
      const named = entry?.effectName ?? (call.effectKey as { readonly effect?: string } | undefined)?.effect;
      const effectName = named === undefined ? tool : requiredId(named);
      const inputHashes = identity.digests('input', textOf(input.hashed));
      const digests = key === undefined ? [] : identity.effectKeyDigests(effectName, key);
      // Made when it is asked for: most calls never do.
      const idempotencyKey = (): string | undefined => {
        // An inferred key is no basis.
        const declared = key?.source === 'declared' ? digests[0]?.digest : undefined;
        const basis = declared ?? inputHashes[0]?.digest;
        if (basis === undefined) return undefined;
        return identity.idempotencyKey({
          workflowId: run.workflowId,
          scope: key?.scope ?? 'workflow',
          effectName,
          basis: [declared === undefined ? 'input' : 'effect-key', basis],
          occurrence: call.occurrence,
        });
      };
      const leaves = identity.leaves(input.value);
      const { executionCount, precedingCalls } = tracker.advance(identity, effectName, inputHashes);
      return {
        idempotencyKey,
        resultPaths: entry?.disclose?.result,
        event: {
          ...runFields(run),
          stepIndex: call.stepIndex,
          toolCallId: optionalId(call.toolCallId),
          executionId: call.executionId,
          parentExecutionId: call.parentExecutionId ?? null,
          tool,
          effectName,
          ...resolveEffectClass(tool, policy, call.effect, call.annotations),
          inputHashes,
          unhashable: input.hashed.ok ? null : input.hashed.code,
          effectKey: key === undefined ? null : { digests, scope: key.scope, source: key.source },
          occurrences: identity.digests('occurrence', call.occurrence),
          approvals: identity.digests('approval', call.approvalId),
          downstreamKeys: identity.digests('downstream', call.repeatable ? idempotencyKey() : undefined),
          executionCount,
          precedingCalls,
          leafHashKeyId: leaves.digests.length === 0 ? null : identity.hashKeyId,
          argumentDigests: leaves.digests,
          argumentDigestsOmitted: leaves.omitted,
          groundedOn: call.groundedOn?.slice(0, MOST_GROUNDS).map(requiredId) ?? [],
          poll: pollOf(entry?.poll ?? call.poll),
          deadlineMs: entry?.deadlineMs ?? call.deadlineMs ?? null,
          ledger: null,
          disclosed: input.disclosed,
        },
      };
    },

    started(call, at) {
      return {
        name: 'ToolCallEvent',
        value: {
          ...call.event,
          phase: 'started',
          resultHashes: [],
          durationMs: null,
          ...stamp(call.event.tenantId, at),
        },
      };
    },

    settled(call, outcome, at, result) {
      const plain = result === undefined ? undefined : toPlainJson(result.value);
      const canonical = plain?.ok ? canonicalText(plain.value) : undefined;
      const shown = plain?.ok ? disclose('result', plain.value, call.resultPaths) : [];
      const value: ToolCallEvent = {
        ...call.event,
        phase: outcome,
        resultHashes: identities.forTenant(call.event.tenantId).digests('result', textOf(canonical)),
        durationMs: at.durationMs ?? null,
        disclosed: shown.length === 0 ? call.event.disclosed : [...call.event.disclosed, ...shown],
        ...stamp(call.event.tenantId, at),
      };
      return { name: 'ToolCallEvent', value };
    },

    retrievalEvent(run, retrieval, at) {
      const plain = toPlainJson(retrieval.query);
      const canonical = plain.ok ? canonicalText(plain.value) : plain;
      const value: RetrievalEvent = {
        ...runFields(run),
        stepIndex: retrieval.stepIndex,
        retrievalId: retrieval.retrievalId,
        executionId: retrieval.executionId ?? null,
        toolCallId: optionalId(retrieval.toolCallId),
        dataSource: requiredId(retrieval.dataSource),
        queryHashes: identities.forTenant(run.tenantId).digests('query', textOf(canonical)),
        documents: retrieval.documents.slice(0, MOST_DOCUMENTS).map(documentOf),
        documentsOmitted: Math.max(0, retrieval.documents.length - MOST_DOCUMENTS),
        durationMs: retrieval.durationMs ?? null,
        disclosed: plain.ok ? disclose('query', plain.value, policy.dataSource(retrieval.dataSource)?.disclose?.query) : [],
        ...stamp(run.tenantId, at),
      };
      return { name: 'RetrievalEvent', value };
    },
  };
}

function textOf(canonical: ReadInput['hashed'] | undefined): string | undefined {
  return canonical?.ok ? canonical.text : undefined;
}

function pollOf(poll: CallDescription['poll']): ToolCallEvent['poll'] {
  return poll === undefined ? null : { max: poll.max, minIntervalMs: poll.minIntervalMs ?? null };
}

function documentOf(document: DocumentRef): EventDocument {
  const { id, tenantId, score } = document;
  return { id: requiredId(id), tenantId: optionalId(tenantId), score: Number.isFinite(score) ? (score as number) : null };
}

function runFields(run: RunIdentity) {
  return {
    tenantId: run.tenantId,
    workflowId: run.workflowId,
    runId: run.runId,
    attempt: run.attempt,
    parentRunId: run.parentRunId ?? null,
    conversationId: run.conversationId ?? null,
    agentId: run.agentId ?? null,
    agentVersion: run.agentVersion ?? null,
  };
}
