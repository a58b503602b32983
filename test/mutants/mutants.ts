// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are texts of code
/**
 * Deliberate defects, one line or two each: what the simulation must notice. Each is a text that stands exactly once in a file, and what stands
 * there instead; a text that is no longer there makes the run fail, so that the list stays true.
 */
export interface Mutant {
  readonly name: string;
  /** The invariant or rule that it breaks. */
  readonly breaks: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const LOOP = 'services/detector/src/detector.ts';
const BATCH = 'services/detector/src/batch.ts';
const WINDOWS = 'services/detector/src/windows/memory/memory-windows.ts';
const HISTORY = 'services/detector/src/domain/history.ts';
const EXECUTIONS = 'services/detector/src/domain/executions.ts';
const FACT = 'services/detector/src/domain/fact.ts';
const COMPARISON = 'services/detector/src/domain/rules/comparison.ts';
const CAUSE = 'services/detector/src/domain/cause.ts';
const RULES = 'services/detector/src/domain/rules';
const ALERT = 'services/detector/src/alert.ts';
const LOG = 'test/simulation/log.ts';
const SINK = 'services/lineage/src/sink/partition-writer.ts';
const INSERT = 'services/lineage/src/sink/insert.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'the offset commits before the facts are in the windows',
    breaks: 'W3',
    file: LOOP,
    from: "    const applied = await this.#patiently(partition, 'the window store', () => this.#remember(partition, batch, state, windows, records));",
    to: "    if (batch.to > state.committed) await partition.commit(batch.to, []);\n    const applied = await this.#patiently(partition, 'the window store', () => this.#remember(partition, batch, state, windows, records));",
  },
  {
    name: 'a lost window is not rebuilt: the batch is judged by an empty one',
    breaks: 'W5',
    file: WINDOWS,
    from: "    if (partition === undefined || !covers(partition.marker, batch)) return { status: 'lost' };",
    to: '    if (partition === undefined) { await this.begin(batch.partition, { windowId: batch.windowId, lo: batch.from, committed: batch.committed, completeFrom: 0 }); return this.apply(batch); }',
  },
  {
    name: 'the marker is not asked whether it reaches the batch',
    breaks: 'W5',
    file: WINDOWS,
    from: 'return marker.windowId === windowId && marker.lo <= from && from <= marker.hi;',
    to: 'return marker.windowId === windowId && from >= 0;',
  },
  {
    name: 'the marker moves though the facts were not written',
    breaks: 'W5',
    file: WINDOWS,
    from: '    for (const placed of batch.facts) this.#record(partition, placed, oldest);',
    to: '    for (const placed of batch.facts) if (batch.from > batch.committed - 1 || batch.facts.length % 3 !== 0) this.#record(partition, placed, oldest);',
  },
  {
    name: 'a take-over goes to the committed offset, whatever the windows hold',
    breaks: 'W5',
    file: LOOP,
    from: '      const next = Math.min(from, held.hi);',
    to: '      const next = from;',
  },
  {
    name: 'a marker of a window that began later is taken for whole',
    breaks: 'W5',
    file: LOOP,
    from: 'if (held !== undefined && held.lo <= from && held.hi >= low) {',
    to: 'if (held !== undefined) {',
  },
  {
    name: 'a rebuild starts at the record to be judged, not a window before it',
    breaks: 'W5',
    file: LOOP,
    from: '    const lo = Math.min(await reach(first.logTime - rebuildMs(this.#options.windowMs)), state.committed);',
    to: '    const lo = Math.min(await reach(first.logTime), state.committed);',
  },
  {
    name: 'a rebuild does not look before the window for first deliveries',
    breaks: 'W6',
    file: LOOP,
    from: 'await reach(first.logTime - rebuildMs(this.#options.windowMs))',
    to: 'await reach(first.logTime - this.#options.windowMs)',
  },
  {
    name: 'a rebuild publishes what was published before',
    breaks: 'W5',
    file: BATCH,
    from: 'if (offset < options.committed) options.counters.replayed += 1;',
    to: 'if (offset < 0) options.counters.replayed += 1;',
  },
  {
    name: 'a commit in doubt is taken for one that held',
    breaks: 'W4',
    file: LOOP,
    from: '        this.#counters.inDoubt += 1;\n        return this.#takeOver(partition);',
    to: '        this.#counters.inDoubt += 1;\n        this.#states.set(partition.partition, { ...state, committed: batch.to, next: batch.to });\n        return;',
  },
  {
    name: 'a commit in doubt is tried again without taking over',
    breaks: 'W4',
    file: LOOP,
    from: '        this.#counters.inDoubt += 1;\n        return this.#takeOver(partition);',
    to: '        this.#counters.inDoubt += 1;\n        await partition.commit(batch.to, outputs);\n        return this.#takeOver(partition);',
  },
  {
    name: 'alerts are committed before the offset, in a transaction of their own',
    breaks: 'W4',
    file: LOOP,
    from: "    switch (await this.#patiently(partition, 'the log', () => partition.commit(batch.to, outputs))) {",
    to: "    await this.#patiently(partition, 'the log', () => partition.commit(committed, outputs));\n    switch (await this.#patiently(partition, 'the log', () => partition.commit(batch.to, []))) {",
  },
  {
    name: 'the offset commits to the last record, not past it',
    breaks: 'W4',
    file: LOOP,
    from: '() => partition.commit(batch.to, outputs)',
    to: '() => partition.commit(batch.to - 1, outputs)',
  },
  {
    name: 'one that was replaced goes on as if it were not',
    breaks: 'W4',
    file: LOG,
    from: '    if (this.#epoch !== state.epoch) {',
    to: '    if (this.#epoch > state.epoch) {',
  },
  {
    name: 'a new generation does not take over',
    breaks: 'W4',
    file: LOOP,
    from: 'if (state === undefined || state.generation !== partition.generation) return this.#takeOver(partition);',
    to: 'if (state === undefined) return this.#takeOver(partition);',
  },
  {
    name: 'a batch out of its sequence is judged',
    breaks: 'W2',
    file: LOOP,
    from: '    if (batch.from !== state.next) return this.#takeOver(partition);\n',
    to: '',
  },
  {
    name: 'a bad record is passed over',
    breaks: 'W7',
    file: BATCH,
    from: "else if (read.kind === 'invalid') verdicts.push(invalid(read.record, read.reason, read.detail, options));",
    to: "else if (read.kind === 'invalid') continue;",
  },
  {
    name: 'a registry that is away makes a dead letter',
    breaks: 'W7',
    file: LOOP,
    from: "    const records = await this.#patiently(partition, 'the schema registry', () => readBatch(batch, codec));",
    to: "    const records = await readBatch(batch, codec).catch(() => batch.records.map((record) => ({ kind: 'invalid' as const, record, reason: 'away', detail: '' })));",
  },
  {
    name: 'a conflict of identities is a redelivery',
    breaks: 'W7',
    file: BATCH,
    from: 'if (held.contentDigest !== positioned.contentDigest) {',
    to: 'if (held.contentDigest < 0) {',
  },
  {
    name: 'a redelivery is judged again',
    breaks: 'W6',
    file: BATCH,
    from: 'if (held !== undefined && held.offset < positioned.offset) {',
    to: 'if (held !== undefined && held.offset < positioned.offset && held.contentDigest !== positioned.contentDigest) {',
  },
  {
    name: 'of two deliveries the later one stays',
    breaks: 'W1',
    file: WINDOWS,
    from: '    if (known.offset < fact.offset) return fact.logTime - known.logTime > this.#windowMs;',
    to: '    if (known.offset < fact.offset) return true;',
  },
  {
    name: 'events are counted, not executions',
    breaks: 'W6',
    file: EXECUTIONS,
    from: '      const known = executions.get(call.executionId);',
    to: '      const known = executions.get(`${call.executionId}/${fact.phase}`);',
  },
  {
    name: 'a verdict reads later facts',
    breaks: 'W2',
    file: HISTORY,
    from: '  if (fact.offset > from.offset) return false;\n',
    to: '',
  },
  {
    name: 'facts leave the windows before their time',
    breaks: 'W2',
    file: WINDOWS,
    from: '    const oldest = (batch.facts[0]?.fact.logTime ?? 0) - this.#windowMs;',
    to: '    const oldest = (batch.facts[0]?.fact.logTime ?? 0) - this.#windowMs / 2;',
  },
  {
    name: 'the window has no end',
    breaks: 'W2',
    file: HISTORY,
    from: '  return age >= 0 && age <= from.windowMs;',
    to: '  return age >= 0;',
  },
  {
    name: 'the alert’s id does not name its execution',
    breaks: 'W2',
    file: ALERT,
    from: 'const parts = [rule, tenantId, workflowId, identity, subject];',
    to: 'const parts = [rule, tenantId, workflowId, subject];',
  },
  {
    name: 'an outcome revises nothing but its own execution',
    breaks: 'duplicate_execution',
    file: COMPARISON,
    from: '    if (candidate.first.offset < position) continue;',
    to: '    if (candidate.first.offset !== position) continue;',
  },
  {
    name: 'a start without an outcome counts for nothing',
    breaks: 'duplicate_execution',
    file: HISTORY,
    from: "    case 'started':\n    case 'succeeded':",
    to: "    case 'succeeded':",
  },
  {
    name: 'a compensated execution still counts',
    breaks: 'duplicate_execution',
    file: HISTORY,
    from: "    case 'failed':\n    case 'compensated':",
    to: "    case 'compensated':\n      return true;\n    case 'failed':",
  },
  {
    name: 'a retry is called the model’s own repeat',
    breaks: 'causes',
    file: CAUSE,
    from: "if (sameRun) return isEffective(earlier) ? 'model_repeat' : 'in_run_retry';",
    to: "if (sameRun) return 'model_repeat';",
  },
  {
    name: 'a document without a tenant is told every time',
    breaks: 'untagged_document',
    file: `${RULES}/untagged-document.ts`,
    from: '    if (facts.history(historyKey.untagged(dataSource)).facts.some((fact) => isVisible(fact, before))) return [];\n',
    to: '',
  },
  {
    name: 'an inferred class is as sure as a declared one',
    breaks: 'severity',
    file: 'services/detector/src/domain/effect.ts',
    from: "return severity === 'critical' && !effect.declared ? 'warning' : severity;",
    to: 'return effect.declared ? severity : severity;',
  },
  {
    name: 'histories of two effects with one input are one',
    breaks: 'T1, duplicate_execution',
    file: FACT,
    from: 'input: (effectName: string, input: string) => `input/${effectName}/${input}`,',
    to: 'input: (_: string, input: string) => `input/${input.slice(0, 4)}`,',
  },
  {
    name: 'the sink commits before it inserts',
    breaks: 'L1',
    file: SINK,
    from: "      const refused = await this.#alive(partition, this.#insert(partition, batch));\n      if (refused !== 'lost') await this.#commit(partition, batch, refused);",
    to: '      await this.#commit(partition, batch, []);\n      await this.#alive(partition, this.#insert(partition, batch));',
  },
  {
    name: 'an insert that is tried again has another token',
    breaks: 'L1',
    file: INSERT,
    from: 'await untilDone(() => options.insert(insert), {',
    to: 'let tries = 0;\n    await untilDone(() => options.insert({ ...insert, token: `${insert.token} ${tries++}` }), {',
  },
  {
    name: 'the halves of an insert have one token',
    breaks: 'L1',
    file: INSERT,
    from: 'token: `${insert.token}/${index}` }',
    to: 'token: `${insert.token}/` }',
  },
  {
    name: 'a failed insert is taken for done',
    breaks: 'L1',
    file: INSERT,
    from: '      options.onFailure(error);',
    to: '      options.onFailure(error);\n      return undefined as never;',
  },
  {
    name: 'refused rows have no dead letter',
    breaks: 'W7',
    file: SINK,
    from: '    if (deadLetterTopic === undefined) return [];',
    to: '    if (deadLetterTopic !== undefined) return [];',
  },
  {
    name: 'the sink does not look where a batch starts',
    breaks: 'L1',
    file: SINK,
    from: 'if (generation === partition.generation && next === batch.from) return true;',
    to: 'if (generation === partition.generation && next !== -1) return true;',
  },
  {
    name: 'the sink takes a commit in doubt for one that was made',
    breaks: 'L1',
    file: SINK,
    from: '      if (next !== batch.to) partition.seek(next);',
    to: '      this.#stands.set(partition.partition, { generation: partition.generation, next: Math.max(next, batch.to) });',
  },
  {
    name: 'the sink starts where the fetcher is, not where the group stands',
    breaks: 'L1',
    file: SINK,
    from: '    if (start === batch.from) return true;\n    partition.seek(start);',
    to: '    if (start <= batch.from) return true;\n    partition.seek(start);',
  },
];
