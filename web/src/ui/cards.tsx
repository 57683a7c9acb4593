// Four short lists above the table. Thin markets and stale ones are in none of them, provisional σ
// not in theirs.
import { tick } from "../data/feed.ts";
import type { Sort } from "../data/order.ts";
import type { NumberColumn, Table } from "../data/table.ts";
import { useCell } from "../lib/cell.ts";
import { compact, share } from "../lib/format.ts";
import { Change } from "./row.tsx";

/** Traded in 24 h, in the reference currency: less than this and one order moves the price. */
export const FLOOR = 50_000;
const SHOWN = 3;

interface Card {
  title: string;
  note: string;
  column: NumberColumn;
  up: boolean;
  sort: Sort;
}

const CARDS: Card[] = [
  { title: "Top gainers", note: "vol ≥ 50k", column: "change_pct", up: true, sort: "change" },
  { title: "Top losers", note: "vol ≥ 50k", column: "change_pct", up: false, sort: "change" },
  { title: "Most volatile", note: "", column: "sigma_rel", up: true, sort: "sigma" },
  { title: "Largest volume", note: "24 h", column: "volume_24h_ref", up: true, sort: "volume" },
];

export function Cards({ table, pick, all }: { table: Table | null; pick: (row: number) => void; all: (sort: Sort, down: boolean) => void }) {
  useCell(tick);
  const span = table?.span ?? "";
  return (
    <section class="cards" aria-label="Highlights">
      {CARDS.map((card) => (
        <div class="card" key={card.title}>
          <h2>
            {card.title}
            <button class="link" title={`Only markets that traded ${compact(FLOOR)} or more in 24 h. See all`} onClick={() => all(card.sort, card.up)}>
              {card.note || `σ ${span}`}
            </button>
          </h2>
          {table ? best(table, card).map((row, place) => <Line key={place} table={table} row={row} card={card} pick={pick} />) : <Waiting />}
        </div>
      ))}
    </section>
  );
}

function Line({ table, row, card, pick }: { table: Table; row: number; card: Card; pick: (row: number) => void }) {
  const value = table.numbers[card.column][row]!;
  return (
    <button class="line" onClick={() => pick(row)} title={table.market(row)}>
      <span><b>{table.base(row)}</b><span class="dim">/{table.quote(row)} <small>{table.venues[row]!.toLowerCase()}</small></span></span>
      <span class="num">{card.column === "change_pct" ? <Change value={value} /> : card.column === "sigma_rel" ? share(value) : compact(value)}</span>
    </button>
  );
}

const Waiting = () => <>{Array.from({ length: SHOWN }, (_, place) => <span key={place} class="line"><i class="blank" /></span>)}</>;

/** One pass that keeps the best few. */
function best(table: Table, { column, up }: Card): number[] {
  const values = table.numbers[column];
  const volume = table.numbers.volume_24h_ref;
  const found: number[] = [];
  const better = (a: number, b: number) => (up ? values[a]! > values[b]! : values[a]! < values[b]!);
  for (let row = 0; row < table.length; row++) {
    if (found.length === SHOWN && !better(row, found[SHOWN - 1]!)) continue; // as nearly all
    if (Number.isNaN(values[row]!) || !(volume[row]! >= FLOOR) || !table.live(row)) continue;
    if (column === "sigma_rel" && table.provisional(row)) continue;
    if (column === "change_pct" && (up ? values[row]! <= 0 : values[row]! >= 0)) continue;
    let place = found.length;
    while (place > 0 && better(row, found[place - 1]!)) place--;
    if (place < SHOWN) {
      found.splice(place, 0, row);
      found.length = Math.min(found.length, SHOWN);
    }
  }
  return found;
}
