/**
 * What Grafana and the ClickHouse plug-in do to a query before ClickHouse gets it, as far as the dashboards use it: variables by format
 * (Grafana's documentation, "Variable syntax"), then the plug-in's macros (its documentation, "Macros"). What is not known here is an error.
 */

export interface Asking {
  /** ms since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly intervalSeconds: number;
  /** What is chosen of each variable; `all` where All is. */
  readonly variables: Readonly<Record<string, readonly string[] | string | 'all'>>;
  /** Every value that a variable offers: what All stands for. */
  readonly options?: Readonly<Record<string, readonly string[]>>;
}

/** The SQL that ClickHouse gets. */
export function expand(sql: string, asking: Asking): string {
  return expandMacros(interpolate(expandConditionalAll(sql, asking), asking), asking);
}

/** Stays the condition unless All is chosen. */
function expandConditionalAll(sql: string, { variables }: Asking): string {
  const macro = '$__conditionalAll(';
  for (let rest = sql; ; ) {
    const at = rest.indexOf(macro);
    if (at < 0) return rest;
    const [inside, end] = argumentsFrom(rest, at + macro.length);
    const comma = inside.lastIndexOf(',');
    const variable = inside.slice(comma + 1).trim();
    if (!/^\$\w+$/.test(variable)) throw new Error(`$__conditionalAll wants a plain variable, not ${variable}`);
    const chosen = variables[variable.slice(1)];
    const condition = chosen === 'all' || chosen === '' ? '1=1' : inside.slice(0, comma);
    rest = `${rest.slice(0, at)}${condition}${rest.slice(end)}`;
  }
}

/** What stands in the parentheses that opened before `start`, and where they have closed. */
function argumentsFrom(sql: string, start: number): readonly [string, number] {
  for (let at = start, depth = 1; at < sql.length; at++) {
    if (sql[at] === '(') depth += 1;
    if (sql[at] === ')') depth -= 1;
    if (depth === 0) return [sql.slice(start, at), at + 1];
  }
  throw new Error('Parentheses are not closed');
}

const VARIABLE = /\$\{(\w+)(?::(\w+))?\}|\$(?!__)(\w+)/g;

function interpolate(sql: string, asking: Asking): string {
  return sql.replace(VARIABLE, (whole, braced: string | undefined, format: string | undefined, plain: string | undefined) => {
    const name = braced ?? plain ?? '';
    if (name === '__from') return String(asking.from);
    if (name === '__to') return String(asking.to);
    const chosen = asking.variables[name];
    const values = chosen === 'all' ? asking.options?.[name] : chosen;
    if (values === undefined) throw new Error(`There is no variable ${whole}`);
    return formatted(typeof values === 'string' ? [values] : values, format);
  });
}

function formatted(values: readonly string[], format: string | undefined): string {
  switch (format) {
    case undefined:
      return values.join(',');
    case 'singlequote':
      return values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(',');
    default:
      throw new Error(`The format ${format} is none that is known here`);
  }
}

const MACRO = /\$__(\w+)(\()?/;

function expandMacros(sql: string, asking: Asking): string {
  const [from, to] = [`toDateTime(${Math.floor(asking.from / 1_000)})`, `toDateTime(${Math.floor(asking.to / 1_000)})`];
  for (let rest = sql; ; ) {
    const match = MACRO.exec(rest);
    const name = match?.[1];
    if (match === null || name === undefined) return rest;
    const start = match.index + match[0].length;
    const [argument, end] = match[2] === undefined ? ['', start] : argumentsFrom(rest, start);
    rest = `${rest.slice(0, match.index)}${expansion(name, argument)}${rest.slice(end)}`;
  }

  function expansion(name: string, column: string): string {
    switch (name) {
      case 'fromTime':
        return from;
      case 'toTime':
        return to;
      case 'interval_s':
        return String(asking.intervalSeconds);
      case 'timeFilter':
        return `${column} >= ${from} AND ${column} <= ${to}`;
      case 'timeInterval':
        return `toStartOfInterval(toDateTime(${column}), INTERVAL ${asking.intervalSeconds} second)`;
      default:
        throw new Error(`The macro $__${name} is none that is known here`);
    }
  }
}
