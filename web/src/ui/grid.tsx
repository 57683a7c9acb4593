// The virtual table: some thirty rows of any number, each in a slot that is used again as one
// scrolls (keyed by slot, never by market). While the pointer is in the rows their order is held,
// so that nothing moves away from under it; values go on.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { tick, venues } from "../data/feed.ts";
import { columnsOf, rowsOf, sigmaColumn, type Rows, type Sort, type Wanted } from "../data/order.ts";
import { want } from "../data/sparks.ts";
import { COVERAGE_MIN, type Table } from "../data/table.ts";
import { useCell } from "../lib/cell.ts";
import { count } from "../lib/format.ts";
import { narrowNow, useMedia } from "../lib/media.ts";
import { pure } from "../lib/pure.ts";
import { drawn, settings } from "../lib/settings.ts";
import { Row } from "./row.tsx";

const HEIGHTS = { regular: 36, compact: 28 };
const HEAD = 36;
const SPARE = 4;

export interface GridProps {
  table: Table;
  wanted: Wanted;
  selected: string | null;
  pick: (row: number, rows: Rows) => void;
  sort: (by: Sort) => void;
  /** Told what is shown, in its order. */
  ordered: (rows: Rows) => void;
  /** Shown where a filter leaves nothing. */
  empty: ComponentChildren;
}

interface Column {
  sort: Sort | null;
  name: string;
  title: string;
  tip?: string;
}

const KEYS: Record<string, string> = {
  sigma_rel: "σ rank", sigma_abs: "σ rank", sigma_ret: "σ rank", change_pct: "Δ rank", surge: "Surge rank",
};

function headsOf(table: Table): Column[] {
  const { metric, by } = table.told;
  const { span } = table;
  const which = { sigma_rel: "relative: for what moved most for its size", sigma_ret: "of returns: for trading volatility", sigma_abs: "absolute: compare within one pair only" }[sigmaColumn(table)];
  return [
    { sort: "rank", name: "rank", title: KEYS[by] ?? "Rank", tip: `Rank by ${by} over ${span}` },
    { sort: "move", name: "move", title: "1 h", tip: "Places gained or lost in an hour" },
    { sort: "market", name: "market", title: "Market" },
    { sort: "venue", name: "venue", title: "Venue" },
    { sort: "price", name: "price", title: metric === "price" ? "Price" : metric.replaceAll("_", " ") },
    { sort: "change", name: "change", title: span },
    { sort: "volume", name: "volume", title: "Volume", tip: "24 h, in the reference currency" },
    { sort: "sigma", name: "sigma", title: `σ ${span}`, tip: `σ ${which}` },
    { sort: null, name: "spark", title: "Last 24 h" },
  ];
}

/** What is drawn anew each second is in nobody's `children`: an element there keeps the tree of its first drawing, and
 * by the parts that drawings share all those that came after it (17 MB of 5,000 rows). */
export const Grid = (props: GridProps) => <Live {...props} />;

function Live({ table, wanted, selected, pick, sort, ordered, empty }: GridProps) {
  useCell(tick);
  const theme = useCell(drawn);
  const phone = useMedia(narrowNow);
  const states = useCell(venues);
  const { stars, density } = useCell(settings);
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 800 });
  const { rows, held, hold } = useOrder(table, wanted);
  const rowHeight = HEIGHTS[density];
  useLayoutEffect(() => ordered(rows), [rows]);
  useScroller(scroller, setView);

  const first = Math.max(0, Math.floor(view.top / rowHeight) - SPARE);
  const slots = Math.ceil(view.height / rowHeight) + 2 * SPARE;
  const last = Math.min(rows.length, first + slots);
  const visible = rows.slice(first, last);
  useLayoutEffect(() => want(visible.map((row) => table.ids[row]!)), [first, last, rows, table]);
  const place = selected === null ? -1 : rows.indexOf(table.named(selected));
  useKeptInView(scroller, place, rowHeight);
  const { sigmaMax, provisional } = lookedOver(table, rows);
  const picked = useRef(pick);
  picked.current = pick;
  const shown = useRef(rows);
  shown.current = rows;
  const take = useRef((row: number) => picked.current(row, shown.current)).current;
  const heads = useMemo(() => headsOf(table), [table]);
  const sorted = useRef(sort);
  sorted.current = sort;
  const sortBy = useRef((by: Sort) => sorted.current(by)).current;

  return (
    <div class="grid-box">
      <div
        class="grid" role="grid" tabIndex={0} ref={scroller} aria-label="Markets"
        aria-rowcount={rows.length + 1} aria-colcount={9}
        {...(place >= first && place < last ? { "aria-activedescendant": `row-${place}` } : {})}
        onPointerMove={(event) => hold(event.pointerType === "mouse" && (event.target as Element).closest(".row") !== null)}
        onPointerLeave={() => hold(false)}
      >
        <div class="row head" role="row" aria-rowindex={1}>
          {heads.map((one) => <Head key={one.name} column={one} on={one.sort === wanted.sort} down={wanted.down} sort={sortBy} />)}
        </div>
        <div class="rows" role="presentation" style={{ height: `${rows.length * rowHeight}px` }}>
          {visible.map((row, at) => (
            <Row
              key={(first + at) % slots} table={table} row={row} place={first + at} top={(first + at) * rowHeight}
              version={table.versions[row]!} selected={first + at === place} starred={stars.includes(table.market(row))}
              venue={states.get(table.venues[row]!)} theme={theme} phone={phone} sigmaMax={sigmaMax} pick={take}
            />
          ))}
        </div>
      </div>
      {rows.length === 0 && empty}
      {provisional && <p class="legend dim">* σ of less than {100 * COVERAGE_MIN}% of the {table.span}: provisional, ranked apart from the others</p>}
      {held && <button class="chip held" onClick={() => hold(false)}>Order held while you point</button>}
      <p class="unseen" role="status">{`${count(rows.length)} markets, sorted by ${wanted.sort}${wanted.down ? ", descending" : ""}`}</p>
    </div>
  );
}

interface HeadProps {
  column: Column;
  on: boolean;
  down: boolean;
  sort: (by: Sort) => void;
}

const Head = pure(({ column, on, down, sort }: HeadProps) => {
  const { sort: by, name, title, tip } = column;
  const label = on ? `${title} ${down ? "↓" : "↑"}` : title;
  const sorted = on ? { "aria-sort": down ? ("descending" as const) : ("ascending" as const) } : {};
  return (
    <span role="columnheader" class={`c-${name}${on ? " on" : ""}`} title={tip} {...sorted}>
      {by ? <button tabIndex={-1} onClick={() => sort(by)}>{label}</button> : label}
    </span>
  );
});

/** The rows in order, held while something points at them. */
function useOrder(table: Table, wanted: Wanted): { rows: Rows; held: boolean; hold: (on: boolean) => void } {
  const [held, setHeld] = useState(false);
  const kept = useRef<{ table: Table; wanted: string; changedAt: number; rows: Rows } | null>(null);
  const asked = JSON.stringify(wanted);
  const changedAt = table.changedAt(columnsOf(table, wanted.sort));
  const same = kept.current?.table === table && kept.current.wanted === asked;
  if (!same || (!held && kept.current!.changedAt !== changedAt)) kept.current = { table, wanted: asked, changedAt, rows: rowsOf(table, wanted) };
  return { rows: kept.current!.rows, held, hold: setHeld };
}

/** The largest σ, which the others' bars are shares of, and whether any is provisional. */
function lookedOver(table: Table, rows: Rows): { sigmaMax: number; provisional: boolean } {
  const sigma = table.numbers[sigmaColumn(table)];
  let sigmaMax = 0;
  let provisional = false;
  for (const row of rows) {
    if (sigma[row]! > sigmaMax) sigmaMax = sigma[row]!;
    provisional ||= table.provisional(row);
  }
  return { sigmaMax: sigmaMax || 1, provisional };
}

function useScroller(scroller: { current: HTMLDivElement | null }, setView: (view: { top: number; height: number }) => void): void {
  useLayoutEffect(() => {
    const box = scroller.current!;
    const look = () => setView({ top: box.scrollTop, height: box.clientHeight });
    const watcher = new ResizeObserver(look);
    watcher.observe(box);
    box.addEventListener("scroll", look, { passive: true });
    look();
    return () => {
      watcher.disconnect();
      box.removeEventListener("scroll", look);
    };
  }, []);
}

function useKeptInView(scroller: { current: HTMLDivElement | null }, place: number, rowHeight: number): void {
  useEffect(() => {
    const box = scroller.current;
    if (!box || place < 0 || !box.matches(":focus")) return;
    const top = place * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight - HEAD) box.scrollTop = top + rowHeight + HEAD - box.clientHeight;
  }, [place]);
}
