// All markets: four cards, the table, and one market beside it. Everything one chooses stands in
// the address.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Index, WatchlistsPage } from "../data/contract.ts";
import { failure, link, retry, show, table as shown, venues } from "../data/feed.ts";
import { SORTS, type Rows, type Sort, type Wanted } from "../data/order.ts";
import type { Table } from "../data/table.ts";
import { get } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { count } from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { pageOf } from "../lib/market.ts";
import { narrowNow, useMedia, wideNow } from "../lib/media.ts";
import { settings, star } from "../lib/settings.ts";
import { address, go, setParams } from "../lib/url.ts";
import { Cards } from "../ui/cards.tsx";
import { Failed, Guarded } from "../ui/failed.tsx";
import { Grid } from "../ui/grid.tsx";
import { later } from "../ui/later.tsx";
import { Shell } from "../ui/shell.tsx";
import { toast } from "../ui/toasts.tsx";

const WINDOWS = ["1h", "24h"];
const KEYS = { sigma_rel: "σ relative", sigma_ret: "σ of returns", sigma_abs: "σ absolute", change_pct: "change", surge: "surge" };
const SORT_KEYS: Record<string, Sort> = { r: "rank", p: "price", c: "change", v: "volume", s: "sigma", n: "market" };
const PAGE = 20;

/** It brings the chart, which is as large as all the rest. */
const Panel = later(() => import("../ui/panel.tsx").then((made) => made.Panel), ({ children }) => <aside class="panel" aria-label="Market">{children}</aside>);

/** The table that the address asks for. */
export function tableAsked(params: URLSearchParams) {
  return {
    metric: params.get("metric") ?? "price", by: params.get("by") ?? "sigma_rel", window: params.get("window"),
    watchlist: params.get("watchlist"), page: Number(params.get("page") ?? 1) || 1,
  };
}

export function wantedBy(params: URLSearchParams, stars: readonly string[]): Wanted {
  const asked = params.get("sort") ?? "rank";
  const sort = asked.replace(/^-/, "") as Sort;
  return {
    text: params.get("q") ?? "", venue: params.get("venue"), quote: params.get("quote"),
    stars: params.has("stars") ? stars : null, sort: SORTS.includes(sort) ? sort : "rank", down: asked.startsWith("-"),
  };
}

/** Numbers begin with the largest, names and ranks with the first. */
const downFirst = (sort: Sort): boolean => !["rank", "market", "venue"].includes(sort);

export function Markets() {
  const { params } = useCell(address);
  const { stars } = useCell(settings);
  const table = useCell(shown);
  const state = useCell(link);
  const failed = useCell(failure);
  const rows = useRef<Rows>([]);
  const [number, setNumber] = useState(0);
  const wide = useMedia(wideNow);
  const asked = tableAsked(params);
  useEffect(() => show(asked), [JSON.stringify(asked)]);
  const wanted = wantedBy(params, stars);
  const market = params.get("market") ?? (wide && table && rows.current.length ? table.market(rows.current[0]!) : null);
  const first = useRef<string | null>(null); // what is shown beside the table until something is chosen
  if (params.has("market")) first.current = null;
  else first.current ??= market;
  const selected = params.get("market") ?? (wide ? first.current : null);
  const row = table && selected ? table.named(selected) : -1;
  const pick = (one: number) => {
    const name = table!.market(one);
    if (narrowNow.matches) go(pageOf(name));
    else setParams({ market: name });
  };
  const sort = (by: Sort) => {
    const down = by === wanted.sort ? !wanted.down : downFirst(by);
    setParams({ sort: by === "rank" && !down ? null : `${down ? "-" : ""}${by}` });
  };
  useMarketKeys({ table, rows, selected, sort });
  const ordered = (now: Rows) => {
    rows.current = now;
    setNumber(now.length);
  };
  return (
    <Shell search={<Filter />}>
      <div class={`markets${state.state === "lost" ? " lost" : ""}`}>
        <Cards table={table} pick={pick} all={(by, down) => setParams({ sort: `${down ? "-" : ""}${by}` }, { push: true })} />
        <Filters table={table} found={number} />
        <div class="split">
          <Guarded name="The table">
            {failed && !table ? <Failed error={failed} again={retry} /> : table && table.length > 0 ? (
              <Grid table={table} wanted={wanted} selected={selected} pick={pick} sort={sort} ordered={ordered} empty={<Nothing table={table} />} />
            ) : (
              <Nothing table={table} />
            )}
          </Guarded>
          {table && row >= 0 && (
            <Guarded name="The market">
              <Panel table={table} row={row} {...(wide ? {} : { close: () => setParams({ market: null }) })} />
            </Guarded>
          )}
        </div>
      </div>
    </Shell>
  );
}

interface Keyed {
  table: Table | null;
  rows: { current: Rows };
  selected: string | null;
  sort: (by: Sort) => void;
}

function useMarketKeys({ table, rows, selected, sort }: Keyed): void {
  const { params } = address.value;
  const move = (step: number) => {
    if (!table || rows.current.length === 0) return;
    const at = selected === null ? -1 : rows.current.indexOf(table.named(selected));
    const to = Math.min(rows.current.length - 1, Math.max(0, at + step));
    document.querySelector<HTMLElement>(".grid")?.focus({ preventScroll: true });
    setParams({ market: table.market(rows.current[to]!) });
  };
  const metric = async () => {
    const names = (await get<Index>("")).metrics.map((one) => one.name);
    setParams({ metric: names[(names.indexOf(params.get("metric") ?? "price") + 1) % names.length]! });
  };
  const turnWindow = (step: number) => {
    const at = WINDOWS.indexOf(table?.told.window ?? "24h");
    setParams({ window: WINDOWS[Math.min(WINDOWS.length - 1, Math.max(0, at + step))]! });
  };
  useKeys({
    j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1),
    PageDown: () => move(PAGE), PageUp: () => move(-PAGE), g: () => move(-1e9), G: () => move(1e9), Home: () => move(-1e9), End: () => move(1e9),
    Enter: () => selected && setParams({ market: selected }), o: () => selected && go(pageOf(selected)), f: () => selected && star(selected),
    a: () => selected && document.querySelector<HTMLElement>(".rule-form .value, .rule-form input")?.focus(),
    m: () => void metric(), "[": () => turnWindow(-1), "]": () => turnWindow(1),
    "/": () => document.querySelector<HTMLInputElement>("#filter")?.focus(),
    Escape: () => (document.activeElement instanceof HTMLInputElement ? document.activeElement.blur() : setParams({ market: null, q: null })),
    ...Object.fromEntries(Object.entries(SORT_KEYS).map(([key, by]) => [key, () => sort(by)])),
  });
}

function Filter() {
  const { params } = useCell(address);
  return (
    <label class="filter">
      <span class="unseen">Filter</span>
      <input id="filter" type="search" placeholder="Filter: btc kraken" value={params.get("q") ?? ""} onInput={(event) => setParams({ q: event.currentTarget.value })} />
      <kbd>/</kbd>
    </label>
  );
}

function Filters({ table, found }: { table: Table | null; found: number }) {
  const { params } = useCell(address);
  const [metrics, setMetrics] = useState<string[]>(["price"]);
  const [lists, setLists] = useState<string[]>([]);
  useEffect(() => {
    get<Index>("").then((index) => setMetrics(index.metrics.map((one) => one.name)), () => undefined);
    get<WatchlistsPage>("watchlists").then((page) => setLists(page.items.map((one) => one.name)), () => undefined);
  }, []);
  const names = (values: readonly string[]) => [...new Set(values)].sort();
  const venueNames = table ? names(table.venues) : [...venues.value.keys()];
  const quotes = table ? names(table.pairs.map((pair) => pair.split("/")[1] ?? "")) : [];
  const pages = table?.told.pages ?? 1;
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()}>
      <Pick name="metric" label="Metric" first="price" among={metrics.map((one) => [one, one.replaceAll("_", " ")])} />
      <Pick name="by" label="Ranked by" first="sigma_rel" among={Object.entries(KEYS)} />
      <Pick name="window" label="Window" first={table?.told.window ?? "24h"} among={WINDOWS.map((one) => [one, one.replace("h", " h")])} />
      <Pick name="venue" label="Venue" first="" among={[["", "all venues"], ...venueNames.map((one): [string, string] => [one, one.toLowerCase()])]} />
      <Pick name="quote" label="Quote" first="" among={[["", "all quotes"], ...quotes.map((one): [string, string] => [one, one])]} />
      {lists.length > 0 && <Pick name="watchlist" label="Watchlist" first="" among={[["", "all markets"], ...lists.map((one): [string, string] => [one, one])]} />}
      {pages > 1 && <Pick name="page" label="Page" first="1" among={Array.from({ length: pages }, (_, page): [string, string] => [String(page + 1), `page ${page + 1} of ${pages}`])} />}
      <button type="button" class={params.has("stars") ? "on" : ""} aria-pressed={params.has("stars")} onClick={() => setParams({ stars: params.has("stars") ? null : "1" })}>☆ only</button>
      <span class="room" />
      <span class="dim">{table ? `${count(found)} of ${count(table.length)}` : ""}</span>
      <button type="button" class="link" onClick={copyLink}>copy link</button>
    </form>
  );
}

function Pick({ name, label, first, among }: { name: string; label: string; first: string; among: [string, string][] }) {
  const { params } = useCell(address);
  const value = params.get(name) ?? first;
  return (
    <select aria-label={label} title={label} value={value} class={params.has(name) ? "on" : ""} onChange={(event) => setParams({ [name]: event.currentTarget.value === first ? null : event.currentTarget.value })}>
      {among.map(([one, text]) => <option key={one} value={one}>{text}</option>)}
    </select>
  );
}

/** On a plain-HTTP name of the local network there is no clipboard: the selection is copied. */
async function copyLink(): Promise<void> {
  const text = location.href;
  if (navigator.clipboard) await navigator.clipboard.writeText(text);
  else {
    const box = document.createElement("textarea");
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
  toast({ title: "Link copied", text, tone: "good" });
}

/** Before the first answer, of an empty catalogue, and where a filter leaves nothing. */
function Nothing({ table }: { table: Table | null }) {
  const { params } = useCell(address);
  const states = useCell(venues);
  if (!table) {
    return (
      <div class="grid-box loading" aria-busy="true">
        <p class="dim" role="status">Loading markets</p>
        {Array.from({ length: 12 }, (_, place) => <i key={place} class="blank" />)}
      </div>
    );
  }
  if (table.length === 0) {
    const metric = table.told.metric.replaceAll("_", " ");
    return (
      <div class="grid-box nothing">
        <h2>No market yet{table.told.metric === "price" ? "" : ` with ${metric}`}</h2>
        <p class="dim">{states.size ? "Venues are starting, or nothing of this kind is tracked." : "No venue is read. Add markets: sigmawatch add KRAKEN:BTC/USD"}</p>
        <ul>{[...states.values()].map((one) => <li key={one.venue}>{one.venue} <span class="dim">{one.state} {one.detail}</span></li>)}</ul>
      </div>
    );
  }
  const what = params.get("q") ?? [params.get("venue"), params.get("quote"), params.has("stars") ? "starred" : null].filter(Boolean).join(", ");
  return (
    <div class="grid-box nothing">
      <h2>No market matches “{what}”</h2>
      <button onClick={() => setParams({ q: null, venue: null, quote: null, stars: null })}>Clear filter</button>
    </div>
  );
}
