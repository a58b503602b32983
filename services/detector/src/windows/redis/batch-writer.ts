/** One batch of facts as the script reads it: one buffer, since small ones by the thousand are what costs. */
import type { CallFact, Fact, PhaseFact } from '../../domain/fact.ts';
import { historyKey, historyKindOf } from '../../domain/fact.ts';
import type { PlacedFact } from '../port.ts';
import {
  ANCHOR_BYTES,
  DIGEST_BYTES,
  digestHex,
  HAS_EXISTENCE,
  ITEM,
  MARK_BYTES,
  MARKED,
  NAMED,
  OTHER_KEY,
  PHASE_CODES,
  POSITION_BYTES,
  TEXT_MARK_BYTES,
  UUID_BYTES,
  writeBase64url,
  writePosition,
  writeUuid,
} from './layout.ts';
import { keyIdOf, runText, shapeText, textOf } from './texts.ts';

const FIRST_BYTES = 262_144;
/** More than any fact takes beside its texts: its digests are few, and of fixed length. */
const MOST_BYTES_PER_FACT = 2_048;

export class BatchWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES);
  #at = 0;

  /** From the start again, over what was written before. */
  reset(): void {
    this.#at = 0;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** @param page 16 characters */
  workflow(page: string, facts: number): void {
    this.#reserve(18);
    this.#at += this.#buffer.write(page, this.#at, 'latin1');
    this.#at = this.#buffer.writeUInt16BE(facts, this.#at);
  }

  /** Its texts, call, phase or event, anchor of its run's successes, and whether it has more texts than its call names: each with its length before it. */
  fact({ fact, histories }: PlacedFact): void {
    this.#reserve(MOST_BYTES_PER_FACT + ANCHOR_BYTES * histories.length);
    if (fact.kind !== 'phase') {
      this.#nothing(2);
      this.#event(fact, histories);
      this.#nothing(2);
      return;
    }
    const run = runText(fact.call);
    const shape = shapeText(fact.call);
    const others = fact.results.map(keyIdOf).filter((id) => !shape.keyIds.includes(id));
    const texts = [run, shape.item, ...others.map((id) => textOf(JSON.stringify(id)))];
    this.#reserve(MOST_BYTES_PER_FACT + ANCHOR_BYTES * histories.length + texts.reduce((sum, text) => sum + text.length, 0));
    const start = this.#open();
    for (const text of texts) this.#at += text.copy(this.#buffer, this.#at);
    this.#close(start);
    this.#call(fact.call, histories, shape.item, run);
    this.#phase(fact, shape.keyIds);
    const successes = this.#open();
    if (fact.phase === 'succeeded') {
      const key = historyKey.successes(fact.call.runId);
      if (histories.includes(key)) this.#hash(key, ANCHOR_BYTES);
    }
    this.#close(successes);
    const more = this.#open();
    if (others.length > 0) this.#byte(1);
    this.#close(more);
  }

  #call(call: CallFact, histories: readonly string[], shape: Buffer, run: Buffer): void {
    const existence = histories.filter((key) => historyKindOf(key) === 'existence');
    const count = call.inputs.length + call.effectKeys.length + existence.length;
    const start = this.#open();
    this.#byte(ITEM.call);
    const body = this.#open();
    this.#uuid(call.executionId);
    this.#byte(count | (existence.length > 0 ? HAS_EXISTENCE : 0));
    for (const list of NAMED) for (const keyed of call[list]) this.#digest(keyed, ANCHOR_BYTES);
    for (const key of existence) this.#hash(key, ANCHOR_BYTES);
    this.#at += shape.copy(this.#buffer, this.#at, 3, 3 + TEXT_MARK_BYTES);
    this.#at += run.copy(this.#buffer, this.#at, 3, 3 + TEXT_MARK_BYTES);
    this.#varint(call.stepIndex);
    if (call.toolCallId !== null) this.#hash(call.toolCallId, MARK_BYTES);
    // Of one digest the anchor is enough: whoever asks for its history knows the rest.
    for (const list of NAMED) if (call[list].length > 1) for (const keyed of call[list]) this.#digest(keyed, DIGEST_BYTES);
    for (const list of MARKED) for (const keyed of call[list]) this.#digest(keyed, MARK_BYTES);
    this.#close(body);
    this.#close(start);
  }

  #phase(fact: PhaseFact, keyIds: readonly string[]): void {
    const start = this.#open();
    this.#byte(ITEM.phase + PHASE_CODES[fact.phase]);
    this.#position(fact);
    this.#byte(fact.results.length);
    for (const keyed of fact.results) {
      const id = keyIdOf(keyed);
      const place = keyIds.indexOf(id);
      this.#byte(place === -1 ? OTHER_KEY : place);
      if (place === -1) this.#at += textOf(JSON.stringify(id)).copy(this.#buffer, this.#at, 3, 3 + TEXT_MARK_BYTES);
      this.#digest(keyed, MARK_BYTES);
    }
    this.#close(start);
  }

  #event(fact: Exclude<Fact, PhaseFact>, histories: readonly string[]): void {
    const start = this.#open();
    this.#byte(ITEM.event);
    const body = this.#open();
    this.#hash(fact.id, ANCHOR_BYTES);
    this.#byte(histories.length);
    for (const key of histories) this.#hash(key, ANCHOR_BYTES);
    this.#position(fact);
    this.#close(body);
    this.#close(start);
  }

  /** What is written between the two has its length, two bytes, before it. */
  #open(): number {
    this.#at += 2;
    return this.#at;
  }

  #close(start: number): void {
    this.#buffer.writeUInt16BE(this.#at - start, start - 2);
  }

  #nothing(times: number): void {
    for (let n = 0; n < times; n++) this.#close(this.#open());
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe((this.#at + bytes) * 2);
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }

  #byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  #varint(value: number): void {
    let left = value;
    for (; left > 0x7f; left = Math.floor(left / 0x80)) this.#byte((left % 0x80) | 0x80);
    this.#byte(left);
  }

  #uuid(uuid: string): void {
    writeUuid(this.#buffer, this.#at, uuid);
    this.#at += UUID_BYTES;
  }

  #digest(keyed: string, bytes: number): void {
    writeBase64url(this.#buffer, this.#at, bytes, keyed, keyed.lastIndexOf(':') + 1);
    this.#at += bytes;
  }

  #hash(text: string, bytes: number): void {
    this.#at += this.#buffer.write(digestHex(text, bytes), this.#at, bytes, 'hex');
  }

  #position(fact: Fact): void {
    writePosition(this.#buffer, this.#at, fact);
    this.#at += POSITION_BYTES;
  }
}
