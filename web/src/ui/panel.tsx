// One market beside the table: its price, its day, its numbers, and an alert made on the chart.
import { useEffect, useState } from "preact/hooks";
import { tick, venues } from "../data/feed.ts";
import type { Range } from "../data/history.ts";
import { lineOf, SHAPES, sentenceOf, written } from "../data/sentence.ts";
import type { Table } from "../data/table.ts";
import { useCell } from "../lib/cell.ts";
import { compact, count, price, share, UNKNOWN } from "../lib/format.ts";
import { pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { pure } from "../lib/pure.ts";
import { settings, star } from "../lib/settings.ts";
import { follow } from "../lib/url.ts";
import { PriceChart } from "./pricechart.tsx";
import { Change, provisionalOf, State } from "./row.tsx";
import { RuleForm } from "./ruleform.tsx";
import { Source } from "./source.tsx";
import { SourceBadge, VenueBadge } from "./venuestate.tsx";

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
  const venue = useCell(venues).get(table.venues[row]!);
  const market = table.market(row);
  const latest = table.numbers.latest[row]!;
  const [range, setRange] = useState<Range>("24h");
  const [marks, setMarks] = useState<number[]>([]);
  const [condition, setCondition] = useState("");
  useEffect(() => {
    setMarks([]);
    const kind = Number.isNaN(latest) ? "moves" : "crosses"; // what has no price has no line
    setCondition(written({ kind, value: SHAPES[kind].first(latest) }));
  }, [market]);
  const drag = (value: number) => {
    const found = sentenceOf(condition);
    const kind = found && SHAPES[found.kind].line ? found.kind : "crosses";
    setCondition(written({ kind, value }));
  };
  const partly = provisionalOf(table, row);
  const starred = stars.includes(market);
  return (
    <aside class={`panel${whole ? " whole" : ""}`} aria-label={market}>
      <header>
        <h2>{table.base(row)}/{table.quote(row)}</h2> <span class="dim">{table.venues[row]!.toLowerCase()}</span> <VenueBadge venue={venue} /> <SourceBadge source={table.sources[row]!} />
        <button class="link star" aria-pressed={starred} aria-label="Star" title="Star (f)" onClick={() => star(market)}>{starred ? "★" : "☆"}</button>
        <span class="room" />
        {!whole && <a class="open" href={inside(pageOf(market))} title="Open page (o)" onClick={follow}>open page ↗</a>}
        {close && <button class="link close" aria-label="Close" onClick={close}>×</button>}
      </header>
      <p class="latest">
        <strong title={String(latest)}>{price(latest)}</strong>{" "}
        {table.live(row) ? <Change value={table.numbers.change_pct[row]!} /> : <State of={table.states[row]!} venue={venue} />}
      </p>
      {whole && <Source venue={table.venues[row]!} metric={table.told.metric} slot={table.slot} />}
      <PriceChart
        market={market} metric={table.told.metric} range={range} setRange={setRange} tip={latest} slot={table.slot}
        line={lineOf(condition)} setLine={drag} marks={marks}
      />
      <Tiles tiles={dayOf(table, row)} />
      {condition && <Form table={table} row={row} condition={condition} setCondition={setCondition} setMarks={setMarks} />}
      <Tiles tiles={deviationsOf(table, row)} />
      {partly && <p class="dim trust">* {partly}: it is ranked apart from the others.</p>}
      <p class="dim trust">Trust σ relative for what moved most for its size, σ of returns for trading volatility, and σ absolute only within one pair: it orders the rest by their price.</p>
    </aside>
  );
}

interface FormProps {
  table: Table;
  row: number;
  condition: string;
  setCondition: (condition: string) => void;
  setMarks: (times: number[]) => void;
}

/** Prices change each second, what is made of them does not. */
const Form = pure(({ table, row, ...rest }: FormProps) => (
  <RuleForm key={table.market(row)} target={table.market(row)} metric={table.told.metric} latest={() => table.numbers.latest[row]!} {...rest} />
));

type Tile = [name: string, value: string, tip: string];

function dayOf(table: Table, row: number): Tile[] {
  const { numbers, ranks, ranked } = table;
  return [
    [`${table.span} high`, price(numbers.high[row]), ""],
    [`${table.span} low`, price(numbers.low[row]), ""],
    ["Volume", compact(numbers.volume_24h_ref[row]), "24 h, in the reference currency"],
    ["σ rank", ranks.rank[row] ? `#${count(ranks.rank[row]!)} of ${count(ranked)}` : "–", "By the σ of the table"],
  ];
}

function deviationsOf(table: Table, row: number): Tile[] {
  const { numbers } = table;
  const star = (text: string) => (table.provisional(row) && text !== UNKNOWN ? `${text}*` : text);
  return [
    ["σ relative", star(share(numbers.sigma_rel[row])), "σ / |mean|"],
    ["σ returns", star(share(numbers.sigma_ret[row])), "σ of log returns × √slots"],
    ["σ absolute", star(price(numbers.sigma_abs[row])), "σ of the values, in their unit"],
    ["Coverage", `${Math.floor(numbers.coverage[row]! * 100)}%`, `Share of the ${table.span} that values cover`],
  ];
}

function Tiles({ tiles }: { tiles: Tile[] }) {
  return <dl class="tiles">{tiles.map(([name, value, tip]) => <div key={name} title={tip}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>;
}
