/** Longest id or name in an event, in characters. */
export const LONGEST_ID = 512;

const USUAL = /^[ -~]{1,512}$/;

/** Whether a text can stand as an id in an event: 1 to 512 characters, well-formed, none a control character. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && (USUAL.test(text) || (text.length > 0 && text.length <= LONGEST_ID && asId(text) === text));
}

/**
 * The id that an event carries for what a framework or data source calls one: numbers as text, control characters and lone surrogates replaced,
 * a long one cut. Undefined for what is empty or no id at all.
 */
function asId(value: unknown): string | undefined {
  if (typeof value === 'string' && USUAL.test(value)) return value;
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  const text = String(value)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd');
  return text.slice(0, LONGEST_ID).toWellFormed() || undefined;
}

export function optionalId(value: unknown): string | null {
  return asId(value) ?? null;
}

/** `?` where there is none: the event is worth more than the id. */
export function requiredId(value: unknown): string {
  return asId(value) ?? '?';
}
