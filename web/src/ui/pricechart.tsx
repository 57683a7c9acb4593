// The chart as a part of the page: its ranges, what stands under the cursor, and its line by keys.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { alongside } from "../data/compare.ts";
import { table } from "../data/feed.ts";
import { history, pointOf, RANGES, type History, type Range } from "../data/history.ts";
import type { Table } from "../data/table.ts";
import { ApiError } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { price } from "../lib/format.ts";
import { pure } from "../lib/pure.ts";
import { drawn, settings } from "../lib/settings.ts";
import { moment, zoneName } from "../lib/time.ts";
import { Chart, type Over } from "./chart.ts";
import { Failed } from "./failed.tsx";
import { Typed } from "./typed.tsx";

/** A span as a person writes it: `24 h`, `1 min`. */
const spelled = (span: string): string => span.replace(/(\d+)/, "$1 ").replace(/m$/, "min");

/** Markets that one may choose from where a name is typed. */
const NAMED_MAX = 500;

export interface PriceChartProps {
  market: string;
  metric: string;
  range: Range;
  setRange: (range: Range) => void;
  /** The live value; NaN for none. */
  tip: number;
  /** Of the newest closed slot: the past is asked for again when there is a new point in it. */
  slot: string | null;
  line: number | null;
  setLine: (value: number, done: boolean) => void;
  marks: readonly number[];
}

export function PriceChart(props: PriceChartProps) {
  const { market, metric, range, setRange, tip, slot, line, setLine, marks } = props;
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  const told = useRef(setLine);
  told.current = setLine;
  const [read, setRead] = useState<string | null>(null);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [data, setData] = useState<History | null>(null);
  const [asTable, setAsTable] = useState(false);
  const [turn, setTurn] = useState(0);
  const [against, setAgainst] = useState("");
  const [laid, setLaid] = useState({ percent: true, band: false });
  const [other, setOther] = useState<History | null>(null);
  const theme = useCell(drawn);
  const { zone } = useCell(settings);

  useEffect(() => {
    chart.current = new Chart(box.current!, { line: (value, done) => told.current(value, done), read: setRead });
    return () => chart.current!.destroy();
  }, []);
  useEffect(() => {
    setData(null);
  }, [market, metric]);
  useEffect(() => {
    const given = new AbortController();
    const soon = setTimeout(async () => {
      try {
        const found = await history(market, metric, range, given.signal);
        setFailure(null);
        setData(found);
        chart.current!.show(found);
      } catch (error) {
        if (!given.signal.aborted) setFailure(error as ApiError);
      }
    }, 60);
    return () => {
      clearTimeout(soon);
      given.abort();
    };
  }, [market, metric, range, pointOf(range, slot), turn]);
  useEffect(() => setOther(null), [market, metric, against]);
  useEffect(() => {
    const given = new AbortController();
    if (against.includes("/")) {
      history(against, metric, range, given.signal).then(setOther, (error: ApiError) => given.signal.aborted || setFailure(error));
    }
    return () => given.abort();
  }, [against, metric, range, pointOf(range, slot)]);
  useEffect(() => chart.current!.setOver({ other, ...laid }), [other, laid]);
  useLayoutEffect(() => chart.current?.setTip(tip), [tip, data]); // in the frame that tells it
  useEffect(() => chart.current!.setLine(line), [line]);
  useEffect(() => chart.current!.setMarks(marks), [marks]);
  useEffect(() => chart.current!.build(), [theme, zone]);

  const summary = useMemo(() => `${market} ${metric}, ${range}${summed(data)}`, [market, metric, range, data]);
  const zoneShown = useMemo(zoneName, [zone]);
  return (
    <figure class="chart-box">
      <div class="chart-head">
        <span class="dim read" aria-hidden="true">{read ?? `${spelled(range)} · ${data ? spelled(data.step) : "…"} · ${zoneShown}${data && data.coverage < 0.995 ? ` · coverage ${Math.floor(data.coverage * 100)}%` : ""}`}</span>
        <span class="ranges" role="group" aria-label="Range">
          {(Object.keys(RANGES) as Range[]).map((one) => (
            <button key={one} class={one === range ? "on" : ""} aria-pressed={one === range} onClick={() => setRange(one)}>{one}</button>
          ))}
        </span>
      </div>
      {failure && <Failed error={failure} again={() => setTurn(turn + 1)} />}
      <div class={`chart${data ? "" : " waiting"}`} ref={box} role="img" aria-label={summary} />
      <div class="chart-foot">
        {line !== null && <LineSlider line={line} setLine={setLine} />}
        <span class="room" />
        <span class="laid">
        <Laid market={market} against={against} setAgainst={setAgainst} over={laid} setOver={setLaid} />
        <button class="link" title="Show as a table" aria-expanded={asTable} onClick={() => setAsTable(!asTable)}>{asTable ? "Hide" : "Table"}</button>
        <button class="link" onClick={() => save(`${market} ${metric} ${range}.png`, chart.current!.png())}>PNG</button>
        <button class="link" disabled={!data} onClick={() => save(`${market} ${metric} ${range}.csv`, data && csv(data, other))}>CSV</button>
        </span>
      </div>
      {asTable && data && <AsTable data={data} />}
    </figure>
  );
}

/** What is seen, for who does not see it. */
function summed(data: History | null): string {
  const known = data?.values.filter((value): value is number => value !== null) ?? [];
  return known.length ? `: from ${price(known[0])} to ${price(known.at(-1))}, lowest ${price(Math.min(...known))}, highest ${price(Math.max(...known))}` : "";
}

interface LaidProps {
  market: string;
  against: string;
  setAgainst: (market: string) => void;
  over: Omit<Over, "other">;
  setOver: (over: Omit<Over, "other">) => void;
}

/** What is laid over the series: another market, and the band of mean ± σ of what is shown. */
const Laid = pure(({ market, against, setAgainst, over, setOver }: LaidProps) => (
  <>
    <label class="against"><Typed label="Compare" value={against} list="against" placeholder="compare with" set={(text) => setAgainst(text.trim().toUpperCase())} /></label>
    <datalist id="against"><OtherNames market={market} /></datalist>
    {against && <button class="link" aria-pressed={over.percent} title="Both in per cent from where they begin; else an axis each" onClick={() => setOver({ ...over, percent: !over.percent })}>{over.percent ? "in %" : "two axes"}</button>}
    <button class="link" aria-pressed={over.band} title="Mean ± σ of what is shown" onClick={() => setOver({ ...over, band: !over.band })}>±σ</button>
  </>
));

function OtherNames({ market }: { market: string }) {
  return <NamesOf held={useCell(table)} market={market} />;
}

const NamesOf = pure(({ held, market }: { held: Table | null; market: string }) => {
  const rows = held ? [...held.ids.keys()].slice(0, NAMED_MAX) : [];
  return rows.map((row) => held!.market(row)).filter((one) => one !== market).map((one) => <option key={one} value={one} />);
});

/** The line's equivalent for keys: arrows move it by 0.1 %, with Shift by 1 %. */
function LineSlider({ line, setLine }: { line: number; setLine: (value: number, done: boolean) => void }) {
  const move = (event: KeyboardEvent) => {
    const up = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
    if (!up) return;
    event.preventDefault();
    setLine(Number((line + Math.abs(line) * up * (event.shiftKey ? 0.01 : 0.001)).toPrecision(5)), true);
  };
  return (
    <div class="line-slider" role="slider" title="Drag the dashed line, or use the arrow keys" tabIndex={0} aria-label="Alert line" aria-valuenow={line} aria-valuetext={price(line)} onKeyDown={move}>
      Alert line {price(line)} <span class="dim">· drag it, or use the arrow keys</span>
    </div>
  );
}

function AsTable({ data }: { data: History }) {
  const step = Math.max(1, Math.floor(data.times.length / 48));
  const rows = data.times.map((_, place) => place).filter((place) => place % step === 0);
  return (
    <div class="as-table" tabIndex={0}>
      <table>
        <thead><tr><th>Time</th><th>Value</th></tr></thead>
        <tbody>{rows.map((place) => <tr key={place}><td>{moment(data.times[place]! * 1000)}</td><td>{price(data.values[place])}</td></tr>)}</tbody>
      </table>
    </div>
  );
}

function csv(data: History, other: History | null): string {
  const beside = other && alongside(data.times, other);
  const lines = data.times.map((at, place) => [new Date(at * 1000).toISOString(), data.values[place] ?? "", data.volumes[place] ?? "", `"${data.marks[place]}"`, ...(beside ? [beside[place] ?? ""] : [])].join(","));
  return `data:text/csv;charset=utf-8,${encodeURIComponent([`time,value,volume,marks${beside ? ",other" : ""}`, ...lines].join("\r\n"))}`;
}

function save(name: string, address: string | null): void {
  if (!address) return;
  const link = document.createElement("a");
  link.href = address;
  link.download = name.replace(/[/:]/g, "-");
  link.click();
}
