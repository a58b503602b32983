/** A growing buffer, written front to back. Numbers are little-endian, as ClickHouse's Native format has them. */

const FIRST_BYTES = 1 << 20;
/** Below this many characters a loop is faster than the call into Buffer. */
const SHORT = 64;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** What was written so far. The buffer is not copied: write no more after this. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  int16(value: number): void {
    this.#reserve(2);
    this.#bytes[this.#length++] = value;
    this.#bytes[this.#length++] = value >>> 8;
  }

  int32(value: number): void {
    this.#reserve(4);
    const [bytes, at] = [this.#bytes, this.#length];
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    this.#length = at + 4;
  }

  /** A whole number of at most 53 bits, as 64. */
  int64(value: number): void {
    this.int32(value >>> 0);
    this.int32(Math.floor(value / 0x1_0000_0000));
  }

  float64(value: number): void {
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleLE(value, this.#length);
  }

  /** LEB128, up to 2³¹ - 1. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** UTF-8 behind its length in bytes. */
  text(value: string): void {
    const { length } = value;
    if (length < SHORT && this.#ascii(value, length)) return;
    const bytes = Buffer.byteLength(value);
    this.varint(bytes);
    this.#reserve(bytes);
    this.#length += this.#bytes.write(value, this.#length, bytes, 'utf8');
  }

  /** Writes a short text; answers false, having written nothing, where it is not ASCII. */
  #ascii(value: string, length: number): boolean {
    this.#reserve(length + 1);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }
}
