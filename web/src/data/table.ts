// One metric's table, as the snapshot tells it and deltas change it: a typed array a column, and for
// every row a version that says whether it must be drawn again.
import { type Delta, numbersOf, type WordColumn } from "./delta.ts";
import type { Columns, TableSnapshot } from "./wire.ts";

export const NUMBERS = [
  "latest", "open", "high", "low", "change_pct", "surge", "volume_24h_quote", "volume_24h_ref",
  "sigma_rel", "sigma_abs", "sigma_ret", "coverage",
] as const;
export type NumberColumn = (typeof NUMBERS)[number];
const RANKS = ["rank", "rank_1h_ago"] as const;
type RankColumn = (typeof RANKS)[number];

/** States in which a market's numbers are those of now. */
const LIVE = new Set(["fresh", "quiet"]);
/** Of its window: a σ of less is provisional (SEMANTICS.md 3). */
export const COVERAGE_MIN = 0.8;

export class Table {
  readonly length: number;
  readonly ids: readonly number[];
  readonly venues: readonly string[];
  readonly pairs: readonly string[];
  readonly states: string[];
  /** Of a fail-over, the market that it is shown from now; null for all else. */
  readonly sources: (string | null)[];
  /** NaN where unknown. */
  readonly numbers: Record<NumberColumn, Float64Array>;
  /** 0 where there is none. */
  readonly ranks: Record<RankColumn, Int32Array>;
  /** `latest` before the newest delta changed it; NaN where that did not. */
  readonly before: Float64Array;
  readonly versions: Uint32Array;
  /** The window of all statistics, as people read it: `24 h`. */
  readonly span: string;
  readonly epoch: string;
  sequence: number;
  slot: string | null;
  ranked: number;
  /** When the newest delta was made, by the server's clock. */
  timeMs: number;
  /** Of each column that any delta has changed: the sequence of the newest that did. */
  private readonly changes = new Map<string, number>();
  /** Rows that are tinted. */
  private touched: ArrayLike<number> = [];
  private readonly alive: Uint8Array;
  private places: ReadonlyMap<string, number> | null = null;

  constructor(readonly told: TableSnapshot) {
    const { columns } = told;
    this.length = columns.id.length;
    this.ids = columns.id;
    this.venues = columns.venue;
    this.pairs = columns.pair;
    this.states = [...columns.state];
    this.sources = [...columns.source];
    this.alive = Uint8Array.from(columns.state, (state) => Number(LIVE.has(state)));
    const floats = (name: NumberColumn) => numbersOf(columns[name]);
    const integers = (name: RankColumn) => Int32Array.from(columns[name], (value) => value ?? 0);
    this.numbers = Object.fromEntries(NUMBERS.map((name) => [name, floats(name)])) as Record<NumberColumn, Float64Array>;
    this.ranks = Object.fromEntries(RANKS.map((name) => [name, integers(name)])) as Record<RankColumn, Int32Array>;
    this.before = new Float64Array(this.length).fill(NaN);
    this.versions = new Uint32Array(this.length);
    this.span = told.window.replace(/(\d+)([a-z]+)/, "$1 $2");
    this.epoch = told.epoch;
    this.sequence = told.sequence;
    this.slot = told.slot;
    this.ranked = told.of;
    this.timeMs = Date.parse(told.time);
  }

  /** Take a delta in; false where it is not the next one, and the snapshot must be loaded again. */
  apply(delta: Delta): boolean {
    if (delta.sequence <= this.sequence) return true;
    if (delta.sequence !== this.sequence + 1) return false;
    this.settle();
    for (const [name, { rows, values }] of Object.entries(delta.numbers)) this.change(name, rows, values);
    for (const [name, { rows, values }] of Object.entries(delta.words)) this.say(name as WordColumn, rows, values);
    this.sequence = delta.sequence;
    this.slot = delta.slot;
    this.ranked = delta.of;
    this.timeMs = Date.parse(delta.time);
    return true;
  }

  /** Whether a row's numbers are those of now. */
  live(row: number): boolean {
    return this.alive[row] === 1;
  }

  /** The newest delta that changed any of these columns, by its sequence; 0 where none has. */
  changedAt(columns: readonly string[]): number {
    return columns.reduce((newest, name) => Math.max(newest, this.changes.get(name) ?? 0), 0);
  }

  /** Whether a row has σ, of too little of their window to stand among the others. */
  provisional(row: number): boolean {
    return this.numbers.coverage[row]! < COVERAGE_MIN && !Number.isNaN(this.numbers.sigma_abs[row]!);
  }

  base(row: number): string {
    return this.pairs[row]!.split("/")[0]!;
  }

  quote(row: number): string {
    return this.pairs[row]!.split("/")[1] ?? "";
  }

  /** `KRAKEN:BTC/USD`, the market's public name. */
  market(row: number): string {
    return `${this.venues[row]}:${this.pairs[row]}`;
  }

  /** The row of a market's public name; -1 where it is not here. */
  named(market: string): number {
    this.places ??= new Map(this.pairs.map((_, row) => [this.market(row), row]));
    return this.places.get(market) ?? -1;
  }

  /** What the last delta tinted is plain from now on: its rows are drawn once more. */
  private settle(): void {
    const { touched, before, versions } = this;
    for (let place = 0; place < touched.length; place++) {
      const row = touched[place]!;
      before[row] = NaN;
      versions[row]!++;
    }
    this.touched = [];
  }

  private change(name: string, rows: Uint32Array, values: Float64Array): void {
    const column = this.numbers[name as NumberColumn] ?? this.ranks[name as RankColumn];
    if (!column) return; // of a newer server
    this.changes.set(name, this.sequence + 1);
    const { versions, before } = this;
    if (name === "latest") {
      for (let place = 0; place < rows.length; place++) before[rows[place]!] = column[rows[place]!]!;
      this.touched = rows;
    }
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place]!;
      column[row] = values[place]!; // NaN is 0 among ranks
      versions[row]!++;
    }
  }

  private say(name: WordColumn, rows: Uint32Array, values: readonly (string | null)[]): void {
    this.changes.set(name, this.sequence + 1);
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place]!;
      const value = values[place]!;
      this.versions[row]!++;
      if (name === "source") this.sources[row] = value;
      else {
        this.states[row] = value!;
        this.alive[row] = Number(LIVE.has(value!));
      }
    }
  }
}

export type { Columns };
