// One market: its chart at full width, its other metrics, the pair elsewhere, and what its rules
// have said.
import { useEffect, useState } from "preact/hooks";
import type { EpisodesPage, ListedMarket, Markets, MetricRow, MetricsPage, ShownAlias, ShownEpisode } from "../data/contract.ts";
import { failure, retry, show, table as shown, tick } from "../data/feed.ts";
import { sparkCount, sparkOf, want } from "../data/sparks.ts";
import type { Table } from "../data/table.ts";
import { session } from "../data/session.ts";
import { ApiError, get, query, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { compact, percent, price } from "../lib/format.ts";
import { marketOf, pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { address, follow } from "../lib/url.ts";
import { complain, Episodes } from "../ui/episodes.tsx";
import { Failed, Guarded } from "../ui/failed.tsx";
import { Form, Opened, Sure, texts, type Given } from "../ui/form.tsx";
import { Made } from "../ui/made.tsx";
import { Panel } from "../ui/panel.tsx";
import { Change } from "../ui/row.tsx";
import { Shell } from "../ui/shell.tsx";
import { drawSpark } from "../ui/spark.ts";
import { TrackForm } from "../ui/track.tsx";
import { tableAsked } from "./markets.tsx";

export function Market() {
  const { route, params } = useCell(address);
  const table = useCell(shown);
  const failed = useCell(failure);
  const asked = tableAsked(params);
  useEffect(() => show(asked), [JSON.stringify(asked)]);
  const [, venue, pair] = route.slice(1).split("/").map(decodeURIComponent);
  const name = `${venue}:${(pair ?? "").replace(/-(?=[^-]*$)/, "/")}`.toUpperCase();
  const row = table ? table.named(name) : -1;
  return (
    <Shell>
      <div class="page market">
        {failed && !table && <Failed error={failed} again={retry} />}
        {!table && !failed && <p class="dim" role="status">Loading {name}</p>}
        {table && row < 0 && (
          <div class="nothing"><h1>No market {name}</h1><p class="dim">It is not tracked, or has no {asked.metric.replaceAll("_", " ")}.</p><a class="open" href={inside("")} onClick={follow}>All markets</a></div>
        )}
        {table && row >= 0 && (
          <>
            <Guarded name="The market"><Panel key={name} table={table} row={row} whole /></Guarded>
            <div class="beside">
              {table.venues[row] === "DERIVED" && <Guarded name="What it is made of"><Made series={table.ids[row]!} minute={table.slot?.slice(0, 16)} /></Guarded>}
              <Guarded name="Other venues"><Elsewhere table={table} row={row} /></Guarded>
              <Guarded name="Metrics"><Metrics market={table.market(row)} minute={table.slot?.slice(0, 16)} /></Guarded>
              <Guarded name="Alerts"><Fired market={table.market(row)} /></Guarded>
            </div>
          </>
        )}
      </div>
    </Shell>
  );
}

/** The same base at other venues, and how far its price is from here. */
function Elsewhere({ table, row }: { table: Table; row: number }) {
  useCell(tick);
  const same = [...table.ids.keys()].filter((other) => other !== row && table.base(other) === table.base(row));
  const here = table.numbers.latest[row]!;
  return (
    <section class="box">
      <h2>{table.base(row)} elsewhere</h2>
      {same.length === 0 && <p class="dim">Tracked here only.</p>}
      <table>
        {same.length > 0 && <thead><tr><th>Market</th><th class="num">Price</th><th class="num">Against here</th><th class="num">{table.span}</th></tr></thead>}
        <tbody>
          {same.map((other) => {
            const there = table.numbers.latest[other]!;
            const fits = table.quote(other) === table.quote(row);
            return (
              <tr key={table.ids[other]}>
                <td><a href={inside(pageOf(table.market(other)))} onClick={follow}>{table.pairs[other]}</a> <span class="dim">{table.venues[other]!.toLowerCase()}</span></td>
                <td class="num">{price(there)}</td>
                <td class="num">{fits ? <Change value={(100 * (there - here)) / here} /> : <span class="dim" title="Another quote currency">–</span>}</td>
                <td class="num"><Change value={table.numbers.change_pct[other]!} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Every tracked metric of the market, small; as of a slot of each minute. */
function Metrics({ market, minute }: { market: string; minute: string | undefined }) {
  const [rows, setRows] = useState<MetricRow[]>([]);
  const [error, setError] = useState<ApiError | null>(null);
  const sparks = useCell(sparkCount);
  const may = useCell(session).scopes.includes("write:rules");
  const [venue, pair] = market.split(":");
  const load = () => {
    get<MetricsPage>(`metrics?${query({ venue, q: pair, limit: 100 })}`).then(({ items }) => {
      const mine = items.filter((one) => one.market === market);
      setRows(mine.sort((a, b) => Number(b.metric === "price") - Number(a.metric === "price")));
      setError(null);
      want(mine.map((one) => one.id));
    }, setError);
  };
  useEffect(load, [market, minute]);
  return (
    <section class="box">
      <div class="box-head">
        <h2>Metrics</h2>
        {may && <Pausing market={market} minute={minute} />}
        {may && <Opened name="Track more of it">{(close) => <TrackForm market={market} close={close} changed={load} />}</Opened>}
      </div>
      {error && <Failed error={error} again={load} />}
      <ul class="small-multiple">
        {rows.map((one) => (
          <li key={one.id}>
            <span>{one.metric.replaceAll("_", " ")}<small class="dim"> {one.unit.replaceAll("_", " ")}</small></span>
            {may && one.origin === "api" && <Sure act="Stop" sure="Really stop?" run={() => send("DELETE", `metrics/${one.id}`).then(load, complain)} />}
            <b>{one.metric === "price" ? price(one.value) : compact(one.value)}</b>
            <canvas key={sparks} class="small" ref={(canvas) => { if (canvas) drawSpark(canvas, sparkOf(one.id)?.values ?? new Float64Array(0), NaN, !((one.change_pct ?? 0) < 0)); }} aria-hidden="true" />
            <small class="dim about">σ {one.sigma_rel === null ? "–" : `${(one.sigma_rel * 100).toFixed(2)}%`} · {one.coverage === null ? "–" : `${Math.floor(one.coverage * 100)}%`} covered{one.coarse ? "* coarse candles" : ""}{one.metric === "price" && one.excess_change !== null && ` · ${percent(one.excess_change)} against the market`}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Whether it is read, and the button to change that. */
function Pausing({ market, minute }: { market: string; minute: string | undefined }) {
  const [listed, setListed] = useState<ListedMarket | null>(null);
  const [venue, pair] = market.split(":");
  const load = () => {
    get<Markets>(`markets?${query({ venue, q: pair, tracked: "true" })}`).then(({ items }) => setListed(items.find((one) => one.name === market) ?? null), complain);
  };
  useEffect(load, [market, minute]);
  const act = (what: "pause" | "resume") => send<ListedMarket>("POST", `markets/${encodeURIComponent(market.replace("/", "-"))}/${what}`).then(setListed, complain);
  const rename = async (given: Given) => {
    await send<ShownAlias>("PUT", `aliases/${encodeURIComponent(texts(given, "alias"))}`, { market, shown: true });
    load();
  };
  if (listed === null) return null;
  return (
    <>
      {listed.title && <span class="dim below">shown as <b>{listed.title}</b></span>}
      {listed.paused && <span class="badge">paused</span>}
      <span class="room" />
      {listed.paused ? <button onClick={() => act("resume")}>Resume</button> : <Sure act="Pause" run={() => act("pause")} />}
      <Opened name="Rename">{(close) => <Form name="Rename" act="Rename" close={close} submit={async (given) => { await rename(given); close(); }} fields={[{ name: "alias", label: "Shown as", value: listed.title ?? "", hint: `letters, digits, - _ and .; ${market} finds it as before`, required: true }]} />}</Opened>
    </>
  );
}

function Fired({ market }: { market: string }) {
  const [items, setItems] = useState<ShownEpisode[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = () => {
    get<EpisodesPage>("episodes?limit=500").then((page) => setItems(page.items.filter((one) => one.series && marketOf(one.series) === market)), setError);
  };
  useEffect(load, [market]);
  return (
    <section class="box">
      <h2>Fired here</h2>
      {error ? <Failed error={error} again={load} /> : items && <Episodes items={items} changed={load} none="Nothing has fired here lately." />}
    </section>
  );
}
