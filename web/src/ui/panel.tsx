// One market beside the table: its price, its day, its numbers, and an alert made on the chart.
import { useEffect, useState } from "preact/hooks";
import { tick } from "../data/feed.ts";
import type { History, Range } from "../data/history.ts";
import { lineOf, SHAPES, sentenceOf, written } from "../data/sentence.ts";
import type { Table } from "../data/table.ts";
import { useCell } from "../lib/cell.ts";
import { compact, count, price, share } from "../lib/format.ts";
import { pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { settings, star } from "../lib/settings.ts";
import { follow } from "../lib/url.ts";
import { PriceChart } from "./pricechart.tsx";
import { Change } from "./row.tsx";
import { RuleForm } from "./ruleform.tsx";

export interface PanelProps {
  table: Table;
  row: number;
  /** The market's own page: larger, without the way there. */
  whole?: boolean;
  close?: () => void;
}

export function Panel({ table, row, whole, close }: PanelProps) {
  useCell(tick);
  const { stars } = useCell(settings);
  const market = table.market(row);
  const latest = table.numbers.latest[row]!;
  const [range, setRange] = useState<Range>("24h");
  const [marks, setMarks] = useState<number[]>([]);
  const [data, setData] = useState<History | null>(null);
  const [condition, setCondition] = useState("");
  useEffect(() => {
    setMarks([]);
    setData(null);
    const kind = Number.isNaN(latest) ? "moves" : "crosses"; // what has no price has no line
    setCondition(written({ kind, value: SHAPES[kind].first(latest) }));
  }, [market]);
  const drag = (value: number) => {
    const found = sentenceOf(condition);
    const kind = found && SHAPES[found.kind].line ? found.kind : "crosses";
    setCondition(written({ kind, value }));
  };
  const starred = stars.includes(market);
  return (
    <aside class={`panel${whole ? " whole" : ""}`} aria-label={market}>
      <header>
        <h2>{table.base(row)}/{table.quote(row)}</h2> <span class="dim">{table.venues[row]!.toLowerCase()}</span>
        <button class="link star" aria-pressed={starred} aria-label="Star" title="Star (f)" onClick={() => star(market)}>{starred ? "★" : "☆"}</button>
        <span class="room" />
        {!whole && <a class="open" href={inside(pageOf(market))} title="Open page (o)" onClick={follow}>open page ↗</a>}
        {close && <button class="link close" aria-label="Close" onClick={close}>×</button>}
      </header>
      <p class="latest">
        <strong title={String(latest)}>{price(latest)}</strong>{" "}
        {table.live(row) ? <Change value={table.numbers.change_pct[row]!} /> : <span class="badge">{table.states[row]}</span>}
      </p>
      <PriceChart
        market={market} metric={table.told.metric} range={range} setRange={setRange} tip={latest} slot={table.slot}
        line={lineOf(condition)} setLine={drag} marks={marks} loaded={setData}
      />
      <Tiles tiles={dayOf(table, row)} />
      {condition && <RuleForm key={market} target={market} metric={table.told.metric} latest={latest} condition={condition} setCondition={setCondition} setMarks={setMarks} />}
      <Tiles tiles={deviationsOf(table, row, range === "24h" ? data : null)} />
      <p class="dim trust">Trust σ relative for what moved most for its size, σ of returns for trading volatility, and σ absolute only within one pair: it orders the rest by their price.</p>
    </aside>
  );
}

type Tile = [name: string, value: string, tip: string];

const spanOf = (table: Table): string => table.told.window.replace(/(\d+)([a-z]+)/, "$1 $2");

function dayOf(table: Table, row: number): Tile[] {
  const { numbers, ranks, ranked } = table;
  return [
    [`${spanOf(table)} high`, price(numbers.high[row]), ""],
    [`${spanOf(table)} low`, price(numbers.low[row]), ""],
    ["Volume", compact(numbers.volume_24h_ref[row]), "24 h, in the reference currency"],
    ["σ rank", ranks.rank[row] ? `#${count(ranks.rank[row]!)} of ${count(ranked)}` : "–", "By the σ of the table"],
  ];
}

function deviationsOf({ numbers }: Table, row: number, data: History | null): Tile[] {
  return [
    ["σ relative", share(numbers.sigma_rel[row]), "σ / |mean|"],
    ["σ returns", share(numbers.sigma_ret[row]), "σ of log returns × √slots"],
    ["σ absolute", price(numbers.sigma_abs[row]), "σ of the values, in their unit"],
    ["Coverage", data ? `${Math.floor(data.coverage * 100)}%` : "–", "Share of the day's slots that hold a value"],
  ];
}

function Tiles({ tiles }: { tiles: Tile[] }) {
  return <dl class="tiles">{tiles.map(([name, value, tip]) => <div key={name} title={tip}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
