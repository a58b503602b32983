/** What many calls have alike is written once a page, as a text that calls name by a hash of it. */
import type { CallFact } from '../../domain/fact.ts';
import { digestHex, EFFECT_CLASS_SOURCES, EFFECT_CLASSES, ITEM, MARKED, NAMED, type Shape, TEXT_MARK_BYTES } from './layout.ts';

/** The same few come again and again. */
const MOST_REMEMBERED = 10_000;

function remember<V>(): (key: string, make: () => V) => V {
  const known = new Map<string, V>();
  return (key, make) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    if (known.size >= MOST_REMEMBERED) known.clear();
    const made = make();
    known.set(key, made);
    return made;
  };
}

const texts = remember<Buffer>();
const runs = remember<Buffer>();
const shapes = remember<{ readonly item: Buffer; readonly keyIds: readonly string[] }>();

/** The item of a JSON text. */
export function textOf(json: string): Buffer {
  return texts(json, () => {
    const body = Buffer.from(json);
    const item = Buffer.allocUnsafe(3 + TEXT_MARK_BYTES + body.length);
    item[0] = ITEM.text;
    item.writeUInt16BE(item.length - 3, 1);
    item.write(digestHex(json, TEXT_MARK_BYTES), 3, TEXT_MARK_BYTES, 'hex');
    body.copy(item, 3 + TEXT_MARK_BYTES);
    return item;
  });
}

/** `[runId, attempt, parentRunId]`, the last where there is one. */
export function runText({ runId, attempt, parentRunId }: CallFact): Buffer {
  return runs(`${attempt} ${runId}\n${parentRunId ?? ''}`, () =>
    textOf(JSON.stringify(parentRunId === null ? [runId, attempt] : [runId, attempt, parentRunId])),
  );
}

/**
 * Tool, effect name if it is another one, class and its source (by code), deadline, agent, whether there is a tool call id, ids of keys, and under
 * which of them the digests of each list are.
 */
export function shapeText(call: CallFact): { readonly item: Buffer; readonly keyIds: readonly string[] } {
  const { tool, effectName, effectClass, effectClassSource, deadlineMs, agentId, toolCallId } = call;
  const keyIds: string[] = [];
  let lists = '';
  for (const list of [...NAMED, ...MARKED]) {
    for (const keyed of call[list]) {
      const id = keyIdOf(keyed);
      const at = keyIds.indexOf(id);
      lists += (at === -1 ? keyIds.push(id) - 1 : at).toString(36);
    }
    lists += ',';
  }
  // No name has a line break in it.
  const key = `${tool}\n${effectName}\n${effectClass} ${effectClassSource} ${deadlineMs} ${toolCallId === null} ${lists}${agentId ?? ''}\n${keyIds.join('\n')}`;
  return shapes(key, () => {
    const name = effectName === tool ? 0 : effectName;
    const codes = [EFFECT_CLASSES.indexOf(effectClass), EFFECT_CLASS_SOURCES.indexOf(effectClassSource)] as const;
    const shape: Shape = [tool, name, ...codes, deadlineMs ?? -1, agentId ?? 0, toolCallId === null ? 0 : 1, lists.slice(0, -1), ...keyIds];
    return { item: textOf(JSON.stringify(shape)), keyIds };
  });
}

export function keyIdOf(keyed: string): string {
  return keyed.slice(0, keyed.lastIndexOf(':'));
}
