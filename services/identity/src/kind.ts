import type { LeafKind } from '@idemtrace/schemas';

export type Kind = Exclude<LeafKind, 'unspecified'>;

const SNAKE_ID_NAME = /(^|[_-])(id|[ug]uid)s?_?$/i;
const CAMEL_ID_NAME = /[a-z](Id|ID|[UG]uid|[UG]UID)s?$/;
/** Names that tell one call from another, not what the call is about. */
const CALL_NAME = /(^|_)(request|trace|span|correlation|idempotency)_?ids?_?$/i;

const TIME = /^\d{4}-\d\d(-\d\d)?([T ]\d\d:\d\d\S*)?$|^\d\d?:\d\d(:\d\d)?$/;
const MAIL_ADDRESS = /^[\w.+'-]+@[\w-]+(\.[\w-]+)+$/;
const URI = /^[a-z][a-z0-9+.-]*:\/\/\S+$/i;
const PHONE = /^\+\d[\d ().-]{6,20}$/;
const NUMBER = /^[-+]?\d[\d,]*(\.\d+)?$/;
/** Looks like something that a machine gave out: letters and digits mixed, or a long number. */
const TOKEN = /^(?=\S{5,64}$)(?=.*\d)((?=.*[A-Za-z#])[\w#@:+/-]+|\d{8,})$/;

const LONGEST_ID = 64;
const LONGEST_WORD = 60;
const MOST_WORDS = 5;

/** Whether a member is named like an id: `id`, `_id`, `invoice_id`, `orderId`, `uuid`, `itemIds`. */
export function isIdName(name: string): boolean {
  return SNAKE_ID_NAME.test(name) || CAMEL_ID_NAME.test(name);
}

/** Whether a member is named like the id of the call itself (`request_id`): it says nothing of the effect. */
export function isCallIdName(name: string): boolean {
  return CALL_NAME.test(name);
}

/** Whether a value can be an id: a number, or a short string without spaces. */
export function isIdValue(value: unknown): value is string | number {
  if (typeof value === 'number') return true;
  return typeof value === 'string' && value.length > 0 && value.length <= LONGEST_ID && !/\s/.test(value);
}

/**
 * Kind of a leaf: `id` by its name, else by its value. `text` is its normalised text. Null, booleans and empty containers are flags; an
 * address is a mail address, a URI or a telephone number; text is what a model would word anew.
 */
export function kindOf(name: string, value: null | boolean | number | string | object, text: string): Kind {
  if (value === null || typeof value === 'boolean' || typeof value === 'object') return 'flag';
  if (isIdName(name) && isIdValue(typeof value === 'string' ? text : value)) return 'id';
  if (typeof value === 'number') return 'number';
  if (text.length <= LONGEST_WORD) {
    if (TIME.test(text)) return 'time';
    if (PHONE.test(text)) return 'address';
    if (NUMBER.test(text)) return text.length >= 8 && /^\d+$/.test(text) ? 'token' : 'number';
  }
  if (text.length <= 2048 && (MAIL_ADDRESS.test(text) || URI.test(text))) return 'address';
  if (TOKEN.test(text)) return 'token';
  return text.length > LONGEST_WORD || text.split(/\s+/, MOST_WORDS + 1).length > MOST_WORDS ? 'text' : 'word';
}
