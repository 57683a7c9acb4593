// Which rows of a table are shown, in which order. Ties go by the series' id, what is unknown last.
import type { Table } from "./table.ts";

export const SORTS = ["rank", "move", "market", "venue", "price", "change", "volume", "sigma"] as const;
export type Sort = (typeof SORTS)[number];

export interface Wanted {
  text: string;
  venue: string | null;
  quote: string | null;
  /** Only these markets; null for all. */
  stars: readonly string[] | null;
  sort: Sort;
  down: boolean;
}

export type Rows = readonly number[];

export function rowsOf(table: Table, wanted: Wanted): Rows {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  const stars = wanted.stars && new Set(wanted.stars);
  const found: number[] = [];
  for (let row = 0; row < table.length; row++) {
    if (wanted.venue && table.venues[row] !== wanted.venue) continue;
    if (wanted.quote && table.quote(row) !== wanted.quote) continue;
    if (stars && !stars.has(table.market(row))) continue;
    if (words.length && !matches(table, row, words)) continue;
    found.push(row);
  }
  return sorted(found, table, wanted);
}

/** Each word begins the venue, the pair or its quote, or stands in the pair. */
function matches(table: Table, row: number, words: readonly string[]): boolean {
  const name = `${table.venues[row]} ${table.pairs[row]}`.toLowerCase();
  return words.every((word) => name.includes(word.replace("-", "/")));
}

/** Places gained since an hour ago, positive is up; NaN where either is unknown. */
export function moveOf(table: Table, row: number): number {
  const now = table.ranks.rank[row]!;
  const then = table.ranks.rank_1h_ago[row]!;
  return now && then ? then - now : NaN;
}

export const sigmaColumn = (table: Table): "sigma_rel" | "sigma_abs" | "sigma_ret" =>
  table.told.by === "sigma_abs" || table.told.by === "sigma_ret" ? table.told.by : "sigma_rel";

function sorted(rows: number[], table: Table, { sort, down }: Wanted): Rows {
  const sign = down ? -1 : 1;
  if (sort === "market" || sort === "venue") {
    const names = sort === "market" ? table.pairs : table.venues;
    const other = sort === "market" ? table.venues : table.pairs;
    return rows.sort((a, b) => sign * (compare(names[a]!, names[b]!) || compare(other[a]!, other[b]!)));
  }
  const key = keyOf(table, sort);
  const keys = new Float64Array(table.length);
  for (const row of rows) keys[row] = key(row);
  return rows.sort((a, b) => {
    const x = keys[a]!;
    const y = keys[b]!;
    if (x === y) return a - b;
    if (Number.isNaN(x)) return Number.isNaN(y) ? a - b : 1;
    if (Number.isNaN(y)) return -1;
    return sign * (x - y);
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function keyOf(table: Table, sort: Sort): (row: number) => number {
  const { numbers, ranks } = table;
  switch (sort) {
    case "rank":
      return (row) => ranks.rank[row] || NaN;
    case "move":
      return (row) => moveOf(table, row);
    case "price":
      return (row) => numbers.latest[row]!;
    case "change":
      return (row) => numbers.change_pct[row]!;
    case "volume":
      return (row) => numbers.volume_24h_ref[row]!;
  }
  const sigma = numbers[sigmaColumn(table)];
  return (row) => sigma[row]!;
}
