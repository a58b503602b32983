/**
 * Loops written out as straight code, as the Avro library (avsc) does it for records: in a loop over closures every call goes to one place
 * that has seen them all, and every field is looked up by a name that is not known when the code is compiled. Written out, each call has a
 * place of its own, which the engine can inline: half the time for a record of thirty fields. Into the code go names of our own schemas alone.
 */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

function checkNames(names: readonly string[]): void {
  if (!names.every((name) => NAME.test(name))) throw new TypeError('no name of a field');
}

/** How a field is visited. */
export interface FieldVisit<F> {
  readonly name: string;
  readonly visit: (value: never, list: F[]) => void;
  /** Null is passed over: the visit would add nothing. */
  readonly skipsNull?: boolean;
}

/** Visits the fields of an object in order; `faulty(list, from, name)` is called after a visit that added to the list. */
export function fieldwise<F>(
  fields: readonly FieldVisit<F>[],
  faulty: (list: F[], from: number, name: string) => void,
): (value: object, list: F[]) => void {
  checkNames(fields.map(({ name }) => name));
  const parameters = fields.map((_, i) => `visit${i}`);
  const lines = fields.map(({ name, skipsNull }, i) => {
    const line = `visit${i}(value.${name}, list); if (list.length > from) { faulty(list, from, '${name}'); from = list.length; }`;
    return skipsNull === true ? `if (value.${name} !== null) { ${line} }` : line;
  });
  const body = `const [${parameters}] = visits; return (value, list) => { let from = list.length; ${lines.join('\n')} };`;
  return new Function('visits', 'faulty', body)(
    fields.map(({ visit }) => visit),
    faulty,
  );
}

/** Where a field comes from: the number of a read, or a call that makes its default. */
export interface FieldSource {
  readonly name: string;
  readonly from: number | (() => unknown);
}

/** Makes an object: all reads in order, then its fields, each of a read or of its default. */
export function assembled<I>(reads: readonly ((input: I) => unknown)[], fields: readonly FieldSource[]): (input: I) => unknown {
  checkNames(fields.map(({ name }) => name));
  const parameters = reads.map((_, i) => `read${i}`);
  const values = fields.map(({ name, from }, i) => `${name}: ${typeof from === 'number' ? `value${from}` : `fields[${i}].from()`}`);
  const lines = reads.map((_, i) => `const value${i} = read${i}(input);`);
  const body = `const [${parameters}] = reads; return (input) => { ${lines.join('\n')} return { ${values.join(', ')} }; };`;
  return new Function('reads', 'fields', body)(reads, fields);
}
