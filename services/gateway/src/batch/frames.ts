/**
 * The bytes of an Avro batch: frames one after another, nothing before, between or after them. All numbers are unsigned and big-endian.
 *
 *     frame  = length of the value (32 bits), value, number of headers (16 bits), headers
 *     value  = a record in Confluent's wire format: byte 0, writer schema's id (32 bits), Avro body
 *     header = length of the name (16 bits), name, length of the value (16 bits), value
 */

export interface Frame {
  readonly value: Buffer;
  readonly headers: readonly (readonly [name: string, value: Buffer])[];
}

export type Frames =
  | { readonly ok: true; readonly frames: readonly Frame[] }
  /** `index`: of the frame that is wrong. */
  | { readonly ok: false; readonly index: number; readonly fault: 'truncated' | 'too many' };

/** Takes a body apart; copies nothing. Reads at most `most` frames of at most `mostHeaders` headers. */
export function readFrames(bytes: Buffer, most: number, mostHeaders: number): Frames {
  const frames: Frame[] = [];
  const reader = new Reader(bytes);
  while (!reader.ended) {
    if (frames.length >= most) return { ok: false, index: most, fault: 'too many' };
    const frame = reader.frame(mostHeaders);
    if (frame === undefined) return { ok: false, index: frames.length, fault: 'truncated' };
    frames.push(frame);
  }
  return { ok: true, frames };
}

/** The bytes of a batch, as a client makes them. */
export function writeFrames(frames: readonly Frame[]): Buffer {
  const parts: Buffer[] = [];
  for (const { value, headers } of frames) {
    parts.push(uint32(value.length), value, uint16(headers.length));
    for (const [name, content] of headers) {
      const bytes = Buffer.from(name);
      parts.push(uint16(bytes.length), bytes, uint16(content.length), content);
    }
  }
  return Buffer.concat(parts);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Reads front to back; undefined where the bytes end too soon. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length;
  }

  frame(mostHeaders: number): Frame | undefined {
    const value = this.#counted(4);
    const count = value === undefined ? undefined : this.#number(2);
    if (value === undefined || count === undefined || count > mostHeaders) return undefined;
    const headers: (readonly [string, Buffer])[] = [];
    while (headers.length < count) {
      const name = this.#counted(2);
      const content = name === undefined ? undefined : this.#counted(2);
      if (name === undefined || content === undefined) return undefined;
      headers.push([name.toString('latin1'), content]);
    }
    return { value, headers };
  }

  #number(bytes: number): number | undefined {
    const end = this.#at + bytes;
    if (end > this.#bytes.length) return undefined;
    const value = this.#bytes.readUIntBE(this.#at, bytes);
    this.#at = end;
    return value;
  }

  #counted(lengthBytes: number): Buffer | undefined {
    const length = this.#number(lengthBytes);
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined;
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}
