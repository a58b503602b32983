/** A small seeded generator: the same seed gives the same numbers on every machine. */

/** Four 32-bit words of a text, well mixed (cyrb128, public domain, by bryc). */
function words(text: string): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = b ^ Math.imul(a ^ code, 597399067);
    b = c ^ Math.imul(b ^ code, 2869860233);
    c = d ^ Math.imul(c ^ code, 951274213);
    d = a ^ Math.imul(d ^ code, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  a ^= b ^ c ^ d;
  return [a >>> 0, (b ^ a) >>> 0, (c ^ a) >>> 0, (d ^ a) >>> 0];
}

/** sfc32 (public domain, by Chris Doty-Humphrey), seeded with a text. */
export class Random {
  readonly #seed: string;
  #state: [number, number, number, number];

  constructor(seed: string) {
    this.#seed = seed;
    this.#state = words(seed);
    for (let round = 0; round < 12; round += 1) this.word();
  }

  /** A generator of its own for a part of the work, whatever else has been drawn so far. */
  fork(part: string): Random {
    return new Random(`${this.#seed}/${part}`);
  }

  /** A whole number from 0 to 2^32 - 1. */
  word(): number {
    const [a, b, c, counter] = this.#state;
    const sum = (a + b + counter) | 0;
    this.#state = [b ^ (b >>> 9), (c + (c << 3)) | 0, (((c << 21) | (c >>> 11)) + sum) | 0, (counter + 1) | 0];
    return sum >>> 0;
  }

  /** A whole number between two bounds, both included. */
  int(least: number, most: number): number {
    return least + (this.word() % (most - least + 1));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.int(0, from.length - 1)];
    if (picked === undefined) throw new RangeError('nothing to pick from');
    return picked;
  }

  shuffled<T>(from: readonly T[]): T[] {
    return from
      .map((value) => ({ value, rank: this.word() }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ value }) => value);
  }
}

const DIGITS = 'abcdefghjkmnpqrstuvwxyz23456789';

/** An id as services print them, e.g. `inl_7kq2m9xw`: the same for the same origin. */
export function idFrom(origin: string, prefix: string): string {
  const source = new Random(origin);
  return `${prefix}_${Array.from({ length: 10 }, () => DIGITS[source.word() % DIGITS.length]).join('')}`;
}

/** A UUID of version 8: the same for the same origin. */
export function uuidFrom(origin: string): string {
  const source = new Random(origin);
  const hex = Array.from({ length: 4 }, () => source.word().toString(16).padStart(8, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
