/** Panels of a dashboard, said shortly; `dashboard.ts` turns them into Grafana's JSON. */

/** What a panel asks. Grafana's variables and the ClickHouse plug-in's macros are put in before it is run. */
export interface Query {
  readonly sql: string;
  /** `time` where its first column is a time and lines are drawn from it. */
  readonly shape: 'time' | 'table';
}

export type Color =
  | 'red'
  | 'orange'
  | 'yellow'
  | 'green'
  | 'blue'
  | 'purple'
  | 'text'
  | 'semi-dark-red'
  | 'semi-dark-orange'
  | 'semi-dark-blue';

/** From this value on, this colour; the first one from below. */
export interface Threshold {
  readonly from: number | null;
  readonly color: Color;
}

/** How a column of a table, or a series of the name, looks. */
export interface FieldLook {
  readonly name: string;
  readonly unit?: string;
  readonly color?: Color;
  readonly width?: number;
  /** A coloured background by thresholds or mapped words. */
  readonly background?: boolean;
  readonly thresholds?: readonly Threshold[];
  readonly words?: Readonly<Record<string, Color>>;
}

interface PanelBase {
  readonly title: string;
  /** What it shows, what is bad, what to do: a sentence or two. */
  readonly description: string;
  readonly query: Query;
  readonly unit: string;
  /** In columns of 24, and rows of 30 pixels or so. */
  readonly width: number;
  readonly height: number;
  readonly fields?: readonly FieldLook[];
}

export type Panel = PanelBase &
  (
    | { readonly kind: 'stat'; readonly thresholds: readonly Threshold[] }
    | {
        readonly kind: 'lines';
        /** Column whose words name the lines; without it each column of numbers is one. */
        readonly series?: string;
        readonly style?: 'line' | 'area' | 'bars';
        readonly stacked?: boolean;
        readonly thresholds?: readonly Threshold[];
      }
    | { readonly kind: 'bars'; readonly stacked?: boolean }
    | { readonly kind: 'table'; readonly sortedBy?: string }
  );

export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** What is chosen above the panels. */
export type Variable =
  | {
      readonly kind: 'query';
      readonly name: string;
      readonly label: string;
      readonly description: string;
      /** Two columns: what queries get, what people read. */
      readonly sql: string;
    }
  | {
      readonly kind: 'choice';
      readonly name: string;
      readonly label: string;
      readonly description: string;
      /** Value by text; the first is the default. */
      readonly choices: Readonly<Record<string, string>>;
      readonly chosen: string;
    };

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly from: string;
  readonly refresh: string;
  readonly variables: readonly Variable[];
  readonly sections: readonly Section[];
}

export const SEVERITY_COLORS = { critical: 'red', warning: 'orange', info: 'blue' } as const satisfies Readonly<Record<string, Color>>;

/** None is good, any is not. */
export const ANY_IS_BAD: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 1, color: 'red' },
];

export const ANY_IS_ODD: readonly Threshold[] = [
  { from: null, color: 'green' },
  { from: 1, color: 'orange' },
];

/** A figure that is neither good nor bad. */
export const NEUTRAL: readonly Threshold[] = [{ from: null, color: 'text' }];
