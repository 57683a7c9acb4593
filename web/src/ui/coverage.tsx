// How much of the last day is known of a venue: a cell a half hour, the newest at the right.
import { useEffect, useState } from "preact/hooks";
import type { Lines } from "../data/contract.ts";
import { table as shown } from "../data/feed.ts";
import { get } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { clockTime } from "../lib/time.ts";

const CELLS = 48;
const CELL_MS = 1_800_000;
const ASKED = 500;
const MISSING = ".";
/** Series come and go several at a time: what has just gone is not asked for. */
const STILL_MS = 500;

interface Told {
  from: number;
  /** Of each half hour: the share of the markets that are known in it. */
  shares: number[];
}

export function Coverage({ venue }: { venue: string }) {
  const table = useCell(shown);
  const [told, setTold] = useState<Told | null>(null);
  const ids = table ? [...table.ids].filter((_, row) => table.venues[row] === venue).slice(0, ASKED).join(",") : "";
  useEffect(() => {
    if (!ids) return;
    const soon = setTimeout(() => get<Lines>(`sparklines?ids=${ids}`).then(({ items }) => setTold(sharesOf(items)), () => setTold(null)), STILL_MS);
    return () => clearTimeout(soon);
  }, [ids, table?.slot?.slice(0, 15)]); // once in ten minutes
  if (!told) return null;
  const whole = told.shares.reduce((sum, one) => sum + one, 0) / CELLS;
  return (
    <span class="strip coverage" role="img" aria-label={`Coverage of the last 24 h: ${Math.floor(whole * 100)}%`}>
      {told.shares.map((share, cell) => (
        <i key={cell} class={share >= 0.995 ? "complete" : share > 0 ? "partial" : "none"} title={`${clockTime(told.from + cell * CELL_MS)}: ${Math.floor(share * 100)}% of its markets are known`} />
      ))}
    </span>
  );
}

function sharesOf(items: Lines["items"]): Told | null {
  const known = items.filter((one) => one.from !== null);
  if (known.length === 0) return null;
  const shares = Array.from({ length: CELLS }, (_, cell) => known.filter(({ points }) => points[cell] !== MISSING).length / known.length);
  return { from: Date.parse(known[0]!.from!), shares };
}
