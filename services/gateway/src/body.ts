/** Bodies into memory: bounded in bytes before and after decompression, and in time. */
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { inTime } from './in-time.ts';
import { MOST_BODY_BYTES } from './limits.ts';
import type { Problem } from './problems.ts';

export type BodyRead = { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly problem: Problem };

const DECOMPRESS = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;
export type Encoding = 'identity' | keyof typeof DECOMPRESS;

/** The one content encoding of a request; undefined where it is none that is read, or several. */
export function encodingOf(header: string | undefined): Encoding | undefined {
  const name = (header ?? 'identity').trim().toLowerCase();
  return name === 'identity' || name === 'gzip' || name === 'deflate' ? name : undefined;
}

const TOO_LARGE: Problem = {
  code: 'too_large',
  detail: `A body has at most ${MOST_BODY_BYTES} bytes, decompressed too: send smaller batches.`,
};

function refused(problem: Problem): BodyRead {
  return { ok: false, problem };
}

export interface BodyRequest {
  readonly raw: Request;
  readonly encoding: Encoding;
  /** How long the body may take to arrive. */
  readonly timeoutMs: number;
}

/** Reads a request's body; one that breaks off is answered like any other that is none, though hardly anyone is left to read it. */
export async function readBody({ raw, encoding, timeoutMs }: BodyRequest): Promise<BodyRead> {
  const length = Number(raw.headers.get('content-length') ?? Number.NaN);
  if (length > MOST_BODY_BYTES) return refused(TOO_LARGE);
  // Where a length is said, the server itself reads no further.
  const bytes = await inTime(length >= 0 ? whole(raw) : bounded(raw), timeoutMs).catch(() => 'broken' as const);
  if (bytes === 'late') return refused({ code: 'slow_body', detail: `The body did not arrive within ${timeoutMs / 1000} s.` });
  if (bytes === 'broken') return refused({ code: 'invalid', detail: 'The body broke off.' });
  if (bytes === 'too large') return refused(TOO_LARGE);
  return encoding === 'identity' ? { ok: true, bytes } : decompressed(bytes, encoding);
}

async function whole(raw: Request): Promise<Buffer> {
  return Buffer.from(await raw.arrayBuffer());
}

async function bounded({ body }: Request): Promise<Buffer | 'too large'> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.byteLength;
    if (length > MOST_BODY_BYTES) return 'too large';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function decompressed(bytes: Buffer, encoding: Exclude<Encoding, 'identity'>): Promise<BodyRead> {
  try {
    return { ok: true, bytes: await DECOMPRESS[encoding](bytes, { maxOutputLength: MOST_BODY_BYTES }) };
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return refused(TOO_LARGE);
    return refused({ code: 'invalid', detail: `The body is not ${encoding}, as content-encoding says, or breaks off.` });
  }
}
