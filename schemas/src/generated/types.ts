// Generated from schemas/avro by `pnpm generate`. Do not edit.

/** The record published for a finding. Published again under the same id, with a higher revision, when severity or cause changed. */
export interface Alert {
  /** Digest of rule, triggering event and subject: the same in every adapter and for every judgement of the event. */
  readonly alertId: string;
  /** Offset of the event that caused this revision: the highest is the current one. */
  readonly revision: number;
  /** The rule that fired. */
  readonly rule: Rule;
  /** Version of the rule. */
  readonly ruleVersion: number;
  /** How bad it is. */
  readonly severity: Severity;
  /** Why it happened, for rules that compare executions. */
  readonly cause: Cause | null;
  /** One sentence for a person, without any argument value. */
  readonly summary: string;
  /** What to do about it, e.g. the policy line to add. */
  readonly suggestion: string | null;
  /** The tenant. */
  readonly tenantId: string;
  /** The logical workflow. */
  readonly workflowId: string;
  /** The run of the event that triggered the alert. */
  readonly runId: string;
  /** Its attempt. */
  readonly attempt: number;
  /** Its step. */
  readonly stepIndex: number;
  /** The agent. */
  readonly agentId: string | null;
  /** The execution that triggered the alert. */
  readonly executionId: string | null;
  /** The retrieval that triggered the alert. */
  readonly retrievalId: string | null;
  /** The tool. */
  readonly tool: string | null;
  /** The effect. */
  readonly effectName: string | null;
  /** The effect class under the detector's policy. */
  readonly effectClass: EffectClass | null;
  /** What the alert is about: digest of input or effect key, a document, a data source or a tool. */
  readonly subject: string | null;
  /** Partition of the record that triggered the alert. */
  readonly partition: number;
  /** Offset of the record that triggered the alert. */
  readonly offset: number;
  /** Log time of the record that caused this revision. */
  readonly logTime: number;
  /** Version of the detector's policy. */
  readonly policyVersion: string | null;
  /** False where the log no longer reached back a whole window: earlier executions may be missing. */
  readonly windowComplete: boolean;
  /** What the verdict rests on. */
  readonly evidence: Evidence;
}

/** The rules of detection. */
export const RULE_SYMBOLS = ['unspecified', 'duplicate_execution', 'divergent_execution', 'execution_loop', 'foreign_document', 'untagged_document', 'contaminated_action', 'tenant_mismatch', 'in_doubt', 'ledger_bypass', 'plan_divergence', 'cross_workflow_duplicate', 'unclassified_tool'] as const;
export type Rule = (typeof RULE_SYMBOLS)[number];

/** How bad it is. Subscribers default to warning and above. */
export const SEVERITY_SYMBOLS = ['unspecified', 'info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITY_SYMBOLS)[number];

/** Why a second execution happened, judged against the latest earlier execution that succeeded or is unknown, else the latest that failed. */
export const CAUSE_SYMBOLS = ['unspecified', 'protected', 'same_call', 'concurrent', 'in_run_retry', 'model_repeat', 'run_retry', 'replan'] as const;
export type Cause = (typeof CAUSE_SYMBOLS)[number];

/** What a second execution would do: read nothing, idempotent_write sets a state, write adds, delegate runs nested calls that have the effects. */
export const EFFECT_CLASS_SYMBOLS = ['unspecified', 'read', 'idempotent_write', 'write', 'delegate'] as const;
export type EffectClass = (typeof EFFECT_CLASS_SYMBOLS)[number];

/** What the verdict rests on, bounded. */
export interface Evidence {
  /** How many executions of the same effect this run has had, the triggering one included. */
  readonly executionsInRun: number;
  /** How many executions of the same effect the workflow has had, the triggering one included. */
  readonly executionsAcrossRuns: number;
  /** In how many runs. */
  readonly runs: number;
  /** The earlier execution that cause and severity were judged against. */
  readonly judgedAgainst: EvidenceExecution | null;
  /** The first execution. */
  readonly first: EvidenceExecution | null;
  /** The last earlier one that succeeded or is unknown. */
  readonly lastEffective: EvidenceExecution | null;
  /** The latest earlier ones, at most 8, oldest first. */
  readonly latest: readonly EvidenceExecution[];
  /** The documents, for rules about retrievals. */
  readonly documents: readonly DocumentRef[];
  /** The data source, for rules about retrievals. */
  readonly dataSource: string | null;
  /** Earlier executions that could not be compared in something that decides (input, occurrence, approval, downstream key, result), because it is under other key ids alone or the input has no hash: they were taken neither for the same nor for different. */
  readonly incomparable: number;
}

/** An execution that a verdict rests on. */
export interface EvidenceExecution {
  /** The execution. */
  readonly executionId: string;
  /** Its run. */
  readonly runId: string;
  /** Its run's attempt. */
  readonly attempt: number;
  /** Its step. */
  readonly stepIndex: number;
  /** Offset of its first seen phase, in the alert's partition. */
  readonly offset: number;
  /** Log time of that record. */
  readonly logTime: number;
  /** Its outcome as known at the revision; started where none is. */
  readonly outcome: ToolPhase;
}

/** started, or the outcome: failed is surely without effect, unknown may have had it, replayed was answered by the ledger without execution. */
export const TOOL_PHASE_SYMBOLS = ['unspecified', 'started', 'succeeded', 'failed', 'unknown', 'replayed', 'compensated'] as const;
export type ToolPhase = (typeof TOOL_PHASE_SYMBOLS)[number];

/** A document that was returned. */
export interface DocumentRef {
  /** The document's id in its data source. */
  readonly id: string;
  /** The tenant that the document is tagged with; null where it carries no tag. */
  readonly tenantId: string | null;
  /** Score of the match, as the data source gives it. */
  readonly score: number | null;
}

/** The detector's own record: lets log time pass in a silent partition, so that deadlines fire. No tenant, no key; in no count and no lineage row. */
export interface ClockTick {
  /** The clock of the process that appended it. Evidence only. */
  readonly occurredAt: number;
}

/** A record that could not be judged, with its reason, position and bytes. */
export interface DeadLetter {
  /** Stable code of the reason; the table of reasons is in the codec's documentation. */
  readonly reason: string;
  /** What is wrong, by field and bound, without any value of the record. */
  readonly detail: string;
  /** Topic of the record. */
  readonly topic: string;
  /** Partition of the record. */
  readonly partition: number;
  /** Offset of the record. */
  readonly offset: number;
  /** Log time of the record. */
  readonly logTime: number;
  /** Key of the record. */
  readonly key: Buffer | null;
  /** Value of the record, cut where valueTruncated says so. */
  readonly value: Buffer | null;
  /** Whether value was cut. */
  readonly valueTruncated: boolean;
  /** Length of the whole value. */
  readonly valueBytes: number;
  /** SHA-256 of the whole value, hex. */
  readonly valueSha256: string | null;
  /** Headers of the record. */
  readonly headers: readonly Header[];
}

/** A header of the record. */
export interface Header {
  /** Its name. */
  readonly name: string;
  /** Its value. */
  readonly value: Buffer;
}

/** Documents that a run retrieved from a data source. */
export interface RetrievalEvent {
  /** The isolation domain. Never empty. */
  readonly tenantId: string;
  /** The logical workflow: the request that is retried until done; the scope of counting. */
  readonly workflowId: string;
  /** One try of an agent at the workflow. */
  readonly runId: string;
  /** Which try at the workflow this run is, from 1. */
  readonly attempt: number;
  /** The run that started this one, when an agent delegates to a sub-agent. */
  readonly parentRunId: string | null;
  /** The chat thread, when there is one; never the scope of counting. */
  readonly conversationId: string | null;
  /** Which agent runs. */
  readonly agentId: string | null;
  /** Which version of the agent runs. */
  readonly agentVersion: string | null;
  /** Index of the tool call that retrieved, or the retrieval's own position in the run. */
  readonly stepIndex: number;
  /** One physical retrieval, minted where it is made. */
  readonly retrievalId: string;
  /** The tool execution that made the retrieval. */
  readonly executionId: string | null;
  /** The tool call that made the retrieval. */
  readonly toolCallId: string | null;
  /** The index, store or memory that was asked. */
  readonly dataSource: string;
  /** HMAC-SHA-256 of the canonical query: one pair, two while a key is being rotated, none where it is unhashable. */
  readonly queryHashes: readonly KeyedDigest[];
  /** The documents, in the order returned, at most 256. */
  readonly documents: readonly DocumentRef[];
  /** How many more were returned. */
  readonly documentsOmitted: number;
  /** How long the retrieval took by the agent's clock, in milliseconds. */
  readonly durationMs: number | null;
  /** Values that the policy opted in, field by field. */
  readonly disclosed: readonly DisclosedField[];
  /** The agent's clock. Evidence only: no judgement depends on it. */
  readonly occurredAt: number;
  /** Which emitter sent the event: one of a process for one tenant; minted at the tenant's first event. */
  readonly emitterId: string;
  /** Number of the event within its emitter, from 0, without gaps: a gap shows that events were dropped. */
  readonly sequence: number;
  /** Version of the policy that the emitter resolved the event with. */
  readonly policyVersion: string | null;
  /** W3C trace id, 32 hex digits, when the call ran inside a trace. */
  readonly traceId: string | null;
}

/** A digest under the tenant's key, with the id of that key: digests under different ids alone are not comparable. */
export interface KeyedDigest {
  /** Which key made the digest. */
  readonly hashKeyId: string;
  /** The digest, base64url without padding: 43 characters of HMAC-SHA-256. */
  readonly digest: string;
}

/** A value that the policy opted in to leave the agent in clear. */
export interface DisclosedField {
  /** Path of the field, e.g. input.invoice_id, result.status or query.text. */
  readonly path: string;
  /** The value as JSON, at most 1,024 characters. */
  readonly json: string;
}

/** A run of an agent started, was suspended or ended. */
export interface RunEvent {
  /** The isolation domain. Never empty. */
  readonly tenantId: string;
  /** The logical workflow: the request that is retried until done; the scope of counting. */
  readonly workflowId: string;
  /** One try of an agent at the workflow. */
  readonly runId: string;
  /** Which try at the workflow this run is, from 1. */
  readonly attempt: number;
  /** The run that started this one, when an agent delegates to a sub-agent. */
  readonly parentRunId: string | null;
  /** The chat thread, when there is one; never the scope of counting. */
  readonly conversationId: string | null;
  /** Which agent runs. */
  readonly agentId: string | null;
  /** Which version of the agent runs. */
  readonly agentVersion: string | null;
  /** How often the run has been resumed, from 0: a run may be suspended and resumed. */
  readonly incarnation: number;
  /** What happened to the run. */
  readonly phase: RunPhase;
  /** How the run ended; null unless phase is ended. */
  readonly status: RunStatus | null;
  /** The agent's clock. Evidence only: no judgement depends on it. */
  readonly occurredAt: number;
  /** Which emitter sent the event: one of a process for one tenant; minted at the tenant's first event. */
  readonly emitterId: string;
  /** Number of the event within its emitter, from 0, without gaps: a gap shows that events were dropped. */
  readonly sequence: number;
  /** Version of the policy that the emitter resolved the event with. */
  readonly policyVersion: string | null;
  /** W3C trace id, 32 hex digits, when the call ran inside a trace. */
  readonly traceId: string | null;
}

/** What happened to the run. unspecified is what an older reader sees of a newer symbol. */
export const RUN_PHASE_SYMBOLS = ['unspecified', 'started', 'suspended', 'ended'] as const;
export type RunPhase = (typeof RUN_PHASE_SYMBOLS)[number];

/** How a run ended. */
export const RUN_STATUS_SYMBOLS = ['unspecified', 'succeeded', 'failed'] as const;
export type RunStatus = (typeof RUN_STATUS_SYMBOLS)[number];

/** One phase of one physical execution of a tool. */
export interface ToolCallEvent {
  /** The isolation domain. Never empty. */
  readonly tenantId: string;
  /** The logical workflow: the request that is retried until done; the scope of counting. */
  readonly workflowId: string;
  /** One try of an agent at the workflow. */
  readonly runId: string;
  /** Which try at the workflow this run is, from 1. */
  readonly attempt: number;
  /** The run that started this one, when an agent delegates to a sub-agent. */
  readonly parentRunId: string | null;
  /** The chat thread, when there is one; never the scope of counting. */
  readonly conversationId: string | null;
  /** Which agent runs. */
  readonly agentId: string | null;
  /** Which version of the agent runs. */
  readonly agentVersion: string | null;
  /** Position of the tool call in its run, from 0. */
  readonly stepIndex: number;
  /** What the model asked for; may repeat, may change between attempts. */
  readonly toolCallId: string | null;
  /** One physical invocation of the tool, minted where the tool is invoked. */
  readonly executionId: string;
  /** The delegate execution inside which this one ran. */
  readonly parentExecutionId: string | null;
  /** What the event reports of the execution. */
  readonly phase: ToolPhase;
  /** The tool's name. */
  readonly tool: string;
  /** What the effect is called; by default the tool's name; tools that do the same share one. */
  readonly effectName: string;
  /** The effect class that the emitter resolved. */
  readonly effectClass: EffectClass;
  /** Where the effect class comes from. */
  readonly effectClassSource: EffectClassSource;
  /** HMAC-SHA-256 of the canonical input without volatile paths: one pair, two while a key is being rotated, none where the input is unhashable. */
  readonly inputHashes: readonly KeyedDigest[];
  /** Why the input has no hash: a code such as not_plain_json or too_large; null where it has one. */
  readonly unhashable: string | null;
  /** The effect key; null where none is declared and none can be inferred. */
  readonly effectKey: EffectKey | null;
  /** Digest of the agent's word that a second effect is meant: one pair, two while a key is being rotated, none where nothing was said. */
  readonly occurrences: readonly KeyedDigest[];
  /** Digest of the approval by a person that lets a second effect happen: one pair, two while a key is being rotated, none without approval. */
  readonly approvals: readonly KeyedDigest[];
  /** Digest of the idempotency key that was in fact sent downstream, where the tool is repeatable: one pair, two while a key is being rotated. A change of keys changes what is sent, so calls before and after it differ here. */
  readonly downstreamKeys: readonly KeyedDigest[];
  /** How often this run has executed this effect with this input, this execution included, as the emitter counts: a hint, never judged. */
  readonly executionCount: number;
  /** Rolling digest of effect names and inputs of the calls before this one in the run, a pair for each key as for inputs: equal digests mean the same plan so far. None for the first call. */
  readonly precedingCalls: readonly KeyedDigest[];
  /** Which key the digests of argumentDigests, names in their paths included, were made with: the current one, also while a key is being rotated. Null where there are none. */
  readonly leafHashKeyId: string | null;
  /** Digests of the input's leaves, at most 32. */
  readonly argumentDigests: readonly ArgumentDigest[];
  /** How many leaves had no room. */
  readonly argumentDigestsOmitted: number;
  /** HMAC-SHA-256 of the canonical result: one pair, two while a key is being rotated; none before the outcome or where the result is unhashable. */
  readonly resultHashes: readonly KeyedDigest[];
  /** Ids of the retrievals that the call rests on, where the agent names them. */
  readonly groundedOn: readonly string[];
  /** Set where the tool declares that it polls. */
  readonly poll: Poll | null;
  /** Milliseconds after which an execution without outcome is in doubt. */
  readonly deadlineMs: number | null;
  /** How long the execution took by the agent's clock, in milliseconds. */
  readonly durationMs: number | null;
  /** Set where a ledger was asked. */
  readonly ledger: LedgerAnswer | null;
  /** Values that the policy opted in, field by field. */
  readonly disclosed: readonly DisclosedField[];
  /** The agent's clock. Evidence only: no judgement depends on it. */
  readonly occurredAt: number;
  /** Which emitter sent the event: one of a process for one tenant; minted at the tenant's first event. */
  readonly emitterId: string;
  /** Number of the event within its emitter, from 0, without gaps: a gap shows that events were dropped. */
  readonly sequence: number;
  /** Version of the policy that the emitter resolved the event with. */
  readonly policyVersion: string | null;
  /** W3C trace id, 32 hex digits, when the call ran inside a trace. */
  readonly traceId: string | null;
}

/** Who said so. An inferred class yields warning at most. */
export const EFFECT_CLASS_SOURCE_SYMBOLS = ['unspecified', 'policy', 'code', 'annotation', 'inferred'] as const;
export type EffectClassSource = (typeof EFFECT_CLASS_SOURCE_SYMBOLS)[number];

/** Identity of the business effect, whatever else the arguments say. */
export interface EffectKey {
  /** Digest of the effect key: one pair, two while a key is being rotated. */
  readonly digests: readonly KeyedDigest[];
  /** Within what a second effect counts as a repeat. */
  readonly scope: EffectScope;
  /** Whether the key was declared or inferred. */
  readonly source: EffectKeySource;
}

/** Within what a second effect counts as a repeat. */
export const EFFECT_SCOPE_SYMBOLS = ['unspecified', 'workflow', 'tenant'] as const;
export type EffectScope = (typeof EFFECT_SCOPE_SYMBOLS)[number];

/** Declared in code or policy, or inferred from id-like arguments (for detection only). */
export const EFFECT_KEY_SOURCE_SYMBOLS = ['unspecified', 'declared', 'inferred'] as const;
export type EffectKeySource = (typeof EFFECT_KEY_SOURCE_SYMBOLS)[number];

/** One leaf of the normalised input: its path, a digest of its value and what kind of value it is. */
export interface ArgumentDigest {
  /** Path of the leaf; member names that do not match [A-Za-z_][A-Za-z_]* are digests, prefixed with ~. */
  readonly path: string;
  /** 8 bytes of SipHash-2-4 under a key derived for the tenant, base64url without padding (11 characters). */
  readonly digest: string;
  /** What kind of value the leaf is. */
  readonly kind: LeafKind;
}

/** Kind of a leaf: id by its name, token by its form, else by its value. */
export const LEAF_KIND_SYMBOLS = ['unspecified', 'id', 'token', 'address', 'time', 'number', 'word', 'text', 'flag'] as const;
export type LeafKind = (typeof LEAF_KIND_SYMBOLS)[number];

/** The tool declares that it is asked again and again until a state is reached. */
export interface Poll {
  /** How many executions with the same answer are expected at most. */
  readonly max: number;
  /** Least time between two of them, in milliseconds. */
  readonly minIntervalMs: number | null;
}

/** What the agent-side ledger said to this execution. */
export interface LedgerAnswer {
  /** Whether the ledger only reports or decides. */
  readonly mode: LedgerMode;
  /** The answer to the claim. */
  readonly answer: LedgerDecision;
}

/** Whether the ledger only reports or decides. */
export const LEDGER_MODE_SYMBOLS = ['unspecified', 'shadow', 'enforce'] as const;
export type LedgerMode = (typeof LEDGER_MODE_SYMBOLS)[number];

/** The ledger's answer to the claim. */
export const LEDGER_DECISION_SYMBOLS = ['unspecified', 'acquired', 'replay', 'busy', 'conflict', 'in_doubt', 'away'] as const;
export type LedgerDecision = (typeof LEDGER_DECISION_SYMBOLS)[number];

/** Every record that travels on a topic, by the name of its schema. */
export interface RecordTypes {
  readonly Alert: Alert;
  readonly ClockTick: ClockTick;
  readonly DeadLetter: DeadLetter;
  readonly RetrievalEvent: RetrievalEvent;
  readonly RunEvent: RunEvent;
  readonly ToolCallEvent: ToolCallEvent;
}
export type RecordName = keyof RecordTypes;
