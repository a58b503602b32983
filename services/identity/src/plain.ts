/** JSON as data: what a checked copy of a caller's value is made of. */
export type PlainJson = null | boolean | number | string | PlainJson[] | { [name: string]: PlainJson };

/**
 * Why a value has no hash. Stable: the code travels in `unhashable`.
 * - `not_plain_json`: holds something that JSON would drop, convert or confuse (Map, Date, bytes, BigInt, a function, a class instance, …)
 * - `not_finite`: NaN or an infinity
 * - `lone_surrogate`: a string or member name that is no well-formed Unicode
 * - `cyclic`, `too_deep`, `too_large`: see the bounds below
 * - `unreadable`: a getter or proxy threw
 */
export type UnhashableCode = 'not_plain_json' | 'not_finite' | 'lone_surrogate' | 'cyclic' | 'too_deep' | 'too_large' | 'unreadable';

export type PlainResult =
  | { readonly ok: true; readonly value: PlainJson | undefined }
  | { readonly ok: false; readonly code: UnhashableCode };

/** Most containers inside one another. */
export const MAX_DEPTH = 64;
/** Most bytes of a canonical form in UTF-8. */
export const MAX_CANONICAL_BYTES = 1_048_576;

class Refusal extends Error {
  readonly code: UnhashableCode;
  constructor(code: UnhashableCode) {
    super(code);
    this.code = code;
  }
}

/**
 * A copy of a value that is plain JSON, or why it is none. Never throws, never writes to the value, reads each member once: what is hashed,
 * digested and disclosed later is one and the same reading, whatever getters say or the tool changes meanwhile.
 *
 * Members that are `undefined` are dropped, as JSON does; the value `undefined` itself stays (a tool without argument or answer).
 */
export function toPlainJson(value: unknown): PlainResult {
  if (value === undefined) return { ok: true, value: undefined };
  try {
    return { ok: true, value: new Copier().copy(value) };
  } catch (error) {
    return { ok: false, code: error instanceof Refusal ? error.code : 'unreadable' };
  }
}

class Copier {
  /** A lower bound of the canonical form's length: graphs that share nodes unfold, so every visit counts. */
  #size = 0;
  readonly #ancestors: object[] = [];

  copy(value: unknown): PlainJson {
    this.#grow(1);
    switch (typeof value) {
      case 'string':
        return this.#text(value);
      case 'number':
        if (!Number.isFinite(value)) throw new Refusal('not_finite');
        return value;
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.#container(value);
      default:
        throw new Refusal('not_plain_json');
    }
  }

  #container(value: object): PlainJson {
    if (this.#ancestors.includes(value)) throw new Refusal('cyclic');
    if (this.#ancestors.length >= MAX_DEPTH) throw new Refusal('too_deep');
    this.#ancestors.push(value);
    const copied = Array.isArray(value) ? this.#list(value) : this.#object(value);
    this.#ancestors.pop();
    return copied;
  }

  #list(list: readonly unknown[]): PlainJson[] {
    // The prototype of plain lists is itself a list, in every realm; that of a subclass is not.
    if (!Array.isArray(Object.getPrototypeOf(list))) throw new Refusal('not_plain_json');
    const length = list.length;
    this.#grow(length);
    const copied: PlainJson[] = [];
    for (let index = 0; index < length; index++) copied.push(this.copy(list[index]));
    // A list may carry named members too, which JSON drops.
    if (Object.keys(list).length !== length || Object.getOwnPropertySymbols(list).length > 0) throw new Refusal('not_plain_json');
    return copied;
  }

  #object(object: object): PlainJson {
    if (!isPlainObject(object) || Object.getOwnPropertySymbols(object).length > 0) throw new Refusal('not_plain_json');
    const copied: { [name: string]: PlainJson } = {};
    for (const name of Object.keys(object)) {
      const member = (object as Record<string, unknown>)[name];
      if (member === undefined) continue;
      this.#text(name);
      const value = this.copy(member);
      if (name === '__proto__') Object.defineProperty(copied, name, { value, enumerable: true, configurable: true, writable: true });
      else copied[name] = value;
    }
    return copied;
  }

  #text(text: string): string {
    this.#grow(text.length);
    if (!text.isWellFormed()) throw new Refusal('lone_surrogate');
    return text;
  }

  #grow(by: number): void {
    this.#size += by;
    if (this.#size > MAX_CANONICAL_BYTES) throw new Refusal('too_large');
  }
}

/** Objects of other realms (test runners, sandboxes) are plain too: their prototype is some realm's `Object.prototype`. */
function isPlainObject(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype === null || prototype === Object.prototype) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf');
}
