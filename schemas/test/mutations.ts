/** Damages bytes as networks, disks, other encoders and enemies do. Deterministic: one seed, one sequence. */

/** How many times as many inputs the fuzzing tests take as in CI: `pnpm test:full` asks for ten. */
export const SHARE = process.env.IDEMTRACE_FULL === '1' ? 10 : 1;

/** Another seed is another set of inputs; every fuzzing test names the one that it took. */
export const SEED = Number(process.env.IDEMTRACE_SEED ?? 20_260_101);

/** Small and fast (xorshift, G. Marsaglia 2003): a property library's generator would take most of the time of a million runs. */
export class Xorshift {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }
  /** A whole number from 0 to below `bound`. */
  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }
}

/** Varints that stand for lengths and counts which nobody has the bytes for, and ones that do not end. */
const BOMBS = [
  'ffffffff0f', // -2^31
  'feffffff0f', // 2^31 - 1
  '8080808010', // 2^31
  'ffffffffffffffff1f', // below -2^59
  '808080808080808020', // 2^60
  'ffffffffffffffffff01', // -2^63
  'ffffffffffffffffffffffff', // no end
  'fe7f', // 8,191
  '80808080808000', // 0, in seven bytes
  '01', // -1
].map((hex) => Buffer.from(hex, 'hex'));

type Mutation = (bytes: Buffer, random: Xorshift, other: Buffer, planted: readonly Buffer[]) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
    return copy;
  },
  function overwrite(bytes, random) {
    const copy = Buffer.from(bytes);
    for (let i = 1 + random.below(4); i > 0; i--) copy[random.below(copy.length)] = random.below(256);
    return copy;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function extend(bytes, random) {
    return Buffer.concat([bytes, Buffer.alloc(1 + random.below(8), random.below(256))]);
  },
  function plant(bytes, random, _other, planted) {
    const bomb = planted[random.below(planted.length)] as Buffer;
    const at = 5 + random.below(Math.max(1, bytes.length - 5));
    return Buffer.concat([bytes.subarray(0, at), bomb, bytes.subarray(at + random.below(2) * bomb.length)]);
  },
  function splice(bytes, random, other) {
    return Buffer.concat([bytes.subarray(0, random.below(bytes.length)), other.subarray(random.below(other.length))]);
  },
  function cutOut(bytes, random) {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
  },
  function repeat(bytes, random) {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - random.below(32)))]);
  },
  function borrowHeader(bytes, _random, other) {
    return Buffer.concat([other.subarray(0, 5), bytes.subarray(5)]);
  },
];

/** What texts are full of where somebody means harm, and what their readers trip over. */
export const TOKENS: readonly Buffer[] = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ': ',
    '- ',
    ', ',
    '"',
    "'",
    '\\',
    '\n',
    '\t',
    '#',
    '---\n',
    '&a ',
    '*a',
    '!!binary ',
    '<<: ',
    '? ',
    '| ',
    '%YAML 1.1\n',
  ],
  ...['null', 'true', '~', '1e999', '-0', '0x7fffffffffffffff', '.nan', '99999999999999999999', '""', '{}', '[[[[[[[[', '{"a":{"a":{"a":'],
  ...['__proto__', 'constructor', 'toString', '\u0000', '\\u0000', '\\ud800', '\u202e', '\ufeff', '*'.repeat(64), 'a'.repeat(5000)],
].map((text) => Buffer.from(text));

/** One to three damages to one of the inputs; `planted` is put into them. */
export function mutate(corpus: readonly Buffer[], random: Xorshift, planted: readonly Buffer[] = BOMBS): Buffer {
  let bytes = corpus[random.below(corpus.length)] as Buffer;
  for (let i = 1 + random.below(3); i > 0 && bytes.length > 0; i--) {
    const mutation = MUTATIONS[random.below(MUTATIONS.length)] as (typeof MUTATIONS)[number];
    bytes = mutation(bytes, random, corpus[random.below(corpus.length)] as Buffer, planted);
  }
  return bytes;
}
