/** A strict reader of markup, enough to say that a file is well-formed. */
const TOKEN = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<>]+/y;
const ENTITY = /&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[0-9a-fA-F]+);)/;

/** Names of a document's elements in their order. Throws where a tag is not closed in order, or there is other than one root. */
export function elementsOf(document: string): readonly string[] {
  const body = document.replace(/^<\?xml [^>]*\?>\s*/, '').trimEnd();
  if (ENTITY.test(body)) throw new Error('an ampersand that begins no entity');
  const open: string[] = [];
  const names: string[] = [];
  let roots = 0;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < body.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(body);
    if (match === null) throw new Error(`no markup at character ${at}`);
    const [, closing, name, , selfClosing] = match;
    if (name === undefined) continue;
    if (closing === '/') {
      const expected = open.pop();
      if (expected !== name) throw new Error(`</${name}> closes ${expected} at character ${at}`);
      continue;
    }
    if (open.length === 0) roots += 1;
    names.push(name);
    if (selfClosing !== '/') open.push(name);
  }
  if (open.length > 0 || roots !== 1) throw new Error(`${roots} roots, left open: ${open.join(', ')}`);
  return names;
}
