// One metric's table, as the snapshot tells it and deltas change it: a typed array a column, and for
// every row a version that says whether it must be drawn again.
import type { Columns, Delta, TableSnapshot } from "./wire.ts";

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
  readonly rowOf: ReadonlyMap<number, number>;
  readonly epoch: string;
  sequence: number;
  slot: string | null;
  ranked: number;
  /** When the newest delta was made, by the server's clock. */
  timeMs: number;
  private touched: number[] = [];

  constructor(readonly told: TableSnapshot) {
    const { columns } = told;
    this.length = columns.id.length;
    this.ids = columns.id;
    this.venues = columns.venue;
    this.pairs = columns.pair;
    this.states = [...columns.state];
    this.sources = [...columns.source];
    const floats = (name: NumberColumn) => Float64Array.from(columns[name], (value) => value ?? NaN);
    const integers = (name: RankColumn) => Int32Array.from(columns[name], (value) => value ?? 0);
    this.numbers = Object.fromEntries(NUMBERS.map((name) => [name, floats(name)])) as Record<NumberColumn, Float64Array>;
    this.ranks = Object.fromEntries(RANKS.map((name) => [name, integers(name)])) as Record<RankColumn, Int32Array>;
    this.before = new Float64Array(this.length).fill(NaN);
    this.versions = new Uint32Array(this.length);
    this.rowOf = new Map(columns.id.map((id, row) => [id, row]));
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
    for (const [name, [rows, values]] of Object.entries(delta.columns)) this.change(name, rows, values);
    this.sequence = delta.sequence;
    this.slot = delta.slot;
    this.ranked = delta.of;
    this.timeMs = Date.parse(delta.time);
    return true;
  }

  /** Whether a row's numbers are those of now. */
  live(row: number): boolean {
    return LIVE.has(this.states[row]!);
  }

  /** Whether a row has σ, of too little of their window to stand among the others. */
  provisional(row: number): boolean {
    return this.numbers.coverage[row]! < COVERAGE_MIN && !Number.isNaN(this.numbers.sigma_abs[row]!);
  }

  /** The window of all statistics, as people read it: `24 h`. */
  get span(): string {
    return this.told.window.replace(/(\d+)([a-z]+)/, "$1 $2");
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

  /** What the last delta tinted is plain from now on: its rows are drawn once more. */
  private settle(): void {
    for (const row of this.touched) {
      this.before[row] = NaN;
      this.versions[row]!++;
    }
    this.touched = [];
  }

  private change(name: string, rows: number[], values: readonly unknown[]): void {
    const column = name in this.numbers ? this.numbers[name as NumberColumn] : null;
    const ranks = name in this.ranks ? this.ranks[name as RankColumn] : null;
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place]!;
      const value = values[place];
      this.versions[row]!++;
      if (name === "latest") {
        this.before[row] = column![row]!;
        this.touched.push(row);
      }
      if (column) column[row] = (value as number | null) ?? NaN;
      else if (ranks) ranks[row] = (value as number | null) ?? 0;
      else if (name === "state") this.states[row] = value as string;
      else if (name === "source") this.sources[row] = value as string | null;
    }
  }
}

export type { Columns };
