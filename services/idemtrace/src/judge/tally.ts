/** What would change, counted by rule and severity, and the first of each kind by name. */
import { RULE_SYMBOLS, SEVERITY_SYMBOLS } from '@idemtrace/schemas';
import type { AlertBrief, Standing } from './compare.ts';

/** Alerts of one rule and severity. What would be is what is, and new, and changed to, without gone and changed from. */
export interface TallyRow {
  readonly rule: string;
  readonly severity: string;
  published: number;
  new: number;
  gone: number;
  /** They change in severity or cause, and are of this severity then. */
  changedTo: number;
  /** They change in severity or cause, and are of this severity now. */
  changedFrom: number;
  judged: number;
}

export interface ChangedAlert {
  readonly published: AlertBrief;
  readonly judged: AlertBrief;
}

/** Counts standings, and keeps the first `limit` of each kind: the gravest first, then by log time. */
export class Tally {
  readonly #limit: number;
  readonly #rows = new Map<string, TallyRow>();
  #new: readonly AlertBrief[] = [];
  #gone: readonly AlertBrief[] = [];
  #changed: readonly ChangedAlert[] = [];
  readonly counts = { new: 0, gone: 0, changed: 0, unchanged: 0 };

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(standings: Iterable<Standing>): void {
    const [come, gone, changed]: [AlertBrief[], AlertBrief[], ChangedAlert[]] = [[...this.#new], [...this.#gone], [...this.#changed]];
    for (const { published, judged } of standings) {
      if (published !== undefined) this.#row(published).published += 1;
      if (judged !== undefined) this.#row(judged).judged += 1;
      if (published === undefined) {
        if (judged === undefined) continue;
        this.#row(judged).new += 1;
        this.counts.new += 1;
        come.push(judged);
      } else if (judged === undefined) {
        this.#row(published).gone += 1;
        this.counts.gone += 1;
        gone.push(published);
      } else if (published.severity === judged.severity && published.cause === judged.cause) {
        this.counts.unchanged += 1;
      } else {
        this.#row(published).changedFrom += 1;
        this.#row(judged).changedTo += 1;
        this.counts.changed += 1;
        changed.push({ published, judged });
      }
    }
    this.#new = this.#first(come, (alert) => [alert]);
    this.#gone = this.#first(gone, (alert) => [alert]);
    this.#changed = this.#first(changed, (pair) => [pair.judged, pair.published]);
  }

  get new(): readonly AlertBrief[] {
    return this.#new;
  }

  get gone(): readonly AlertBrief[] {
    return this.#gone;
  }

  get changed(): readonly ChangedAlert[] {
    return this.#changed;
  }

  get isEmpty(): boolean {
    const { new: come, gone, changed } = this.counts;
    return come + gone + changed === 0;
  }

  /** By rule, the gravest severity first. */
  rows(): readonly TallyRow[] {
    const place = (symbols: readonly string[], symbol: string) => symbols.indexOf(symbol);
    return [...this.#rows.values()].sort(
      (a, b) =>
        place(RULE_SYMBOLS, a.rule) - place(RULE_SYMBOLS, b.rule) ||
        place(SEVERITY_SYMBOLS, b.severity) - place(SEVERITY_SYMBOLS, a.severity),
    );
  }

  #row({ rule, severity }: AlertBrief): TallyRow {
    const key = `${rule} ${severity}`;
    const row = this.#rows.get(key) ?? { rule, severity, published: 0, new: 0, gone: 0, changedTo: 0, changedFrom: 0, judged: 0 };
    this.#rows.set(key, row);
    return row;
  }

  #first<T>(found: readonly T[], alertsOf: (entry: T) => readonly AlertBrief[]): readonly T[] {
    const gravity = (entry: T) => Math.max(...alertsOf(entry).map(({ severity }) => SEVERITY_SYMBOLS.indexOf(severity)));
    const named = (entry: T) => alertsOf(entry)[0];
    return found
      .toSorted(
        (a, b) =>
          gravity(b) - gravity(a) ||
          (named(a)?.logTime ?? 0) - (named(b)?.logTime ?? 0) ||
          ((named(a)?.alertId ?? '') < (named(b)?.alertId ?? '') ? -1 : 1),
      )
      .slice(0, this.#limit);
  }
}
