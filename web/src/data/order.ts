// Which rows of a table are shown, in which order. Ties go by the series' id, what is unknown last.
import { byKeys } from "./radix.ts";
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

/** Every row that is wanted, in order. What it follows from beside the table's names: `columnsOf`. */
export function rowsOf(table: Table, wanted: Wanted): Rows {
  return sorted(found(table, wanted), table, wanted);
}

/** Columns that an order follows: only where one has changed is there another order. */
export function columnsOf(table: Table, sort: Sort): readonly string[] {
  switch (sort) {
    case "rank":
      return ["rank"];
    case "move":
      return ["rank", "rank_1h_ago"];
    case "price":
      return ["latest"];
    case "change":
      return ["change_pct"];
    case "volume":
      return ["volume_24h_ref"];
    case "sigma":
      return [sigmaColumn(table)];
    case "market":
    case "venue":
      return [];
  }
}

function found(table: Table, { text, venue, quote, stars: starred }: Wanted): number[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const stars = starred && new Set(starred);
  const all = [...table.ids.keys()];
  if (!venue && !quote && !stars && words.length === 0) return all;
  return all.filter((row) =>
    (!venue || table.venues[row] === venue) && (!quote || table.quote(row) === quote) &&
    (!stars || stars.has(table.market(row))) && matches(table, row, words));
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
  const keys = new Float64Array(rows.length);
  for (let place = 0; place < rows.length; place++) keys[place] = sign * key(rows[place]!);
  return byKeys(rows, keys);
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
