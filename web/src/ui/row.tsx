// One row of the table. It is drawn again only where its version says so.
import { Component, createRef } from "preact";
import { moveOf, sigmaColumn } from "../data/order.ts";
import { sparkOf } from "../data/sparks.ts";
import type { Table } from "../data/table.ts";
import type { VenueEvent } from "../data/wire.ts";
import { compact, isZero, percent, price, share } from "../lib/format.ts";
import { follow } from "../lib/url.ts";
import { inside } from "../lib/place.ts";
import { pageOf } from "../lib/market.ts";
import { drawSpark } from "./spark.ts";
import { SourceBadge, VenueBadge } from "./venuestate.tsx";

/** Where the style sheet shows no lines. To ask the canvas itself would have the page laid out. */
const narrow = matchMedia("(max-width: 899px)");

export interface RowProps {
  table: Table;
  row: number;
  /** Place in the order, from 0. */
  place: number;
  top: number;
  version: number;
  selected: boolean;
  starred: boolean;
  venue: VenueEvent | undefined;
  /** How long the venue has not answered, where that is why the row is not live. */
  silent: string;
  /** Counts drawings that came. */
  sparks: number;
  theme: string;
  sigmaMax: number;
  tinted: boolean;
  pick: (row: number) => void;
}

export class Row extends Component<RowProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();
  private drawnAs = "";

  override shouldComponentUpdate(next: RowProps): boolean {
    const now = this.props;
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => name !== "pick" && next[name] !== now[name]);
  }

  override componentDidMount(): void {
    this.spark();
  }

  override componentDidUpdate(): void {
    this.spark();
  }

  private spark(): void {
    const { table, row, theme } = this.props;
    const canvas = this.canvas.current;
    if (!canvas || narrow.matches) return;
    const found = sparkOf(table.ids[row]!);
    const tip = table.numbers.latest[row]!;
    const as = `${table.ids[row]} ${found?.atMs} ${tip} ${theme}`;
    if (as === this.drawnAs) return;
    this.drawnAs = as;
    drawSpark(canvas, found?.values ?? new Float64Array(0), tip, !(table.numbers.change_pct[row]! < 0));
  }

  render({ table, row, place, top, selected, starred, venue, silent, tinted, sigmaMax, pick }: RowProps) {
    const live = table.live(row);
    const market = table.market(row);
    const source = table.sources[row]!;
    const rank = table.ranks.rank[row]!;
    const sigma = sigmaColumn(table);
    const deviation = table.numbers[sigma][row]!;
    const partly = Number.isNaN(deviation) ? null : provisionalOf(table, row);
    const volume = table.numbers.volume_24h_ref[row]!;
    const latest = table.numbers.latest[row]!;
    return (
      <div
        role="row" id={`row-${place}`} aria-rowindex={place + 2} aria-selected={selected}
        class={`row${selected ? " selected" : ""}${live ? "" : " stale"}`}
        style={{ transform: `translateY(${top}px)` }}
        onClick={() => pick(row)}
      >
        <span role="gridcell" class="c-rank num">{rank || "–"}</span>
        <span role="gridcell" class="c-move"><Move places={moveOf(table, row)} /></span>
        <span role="gridcell" class="c-market" title={market}>
          {starred && <span class="star" aria-label="starred">★ </span>}
          <a href={inside(pageOf(market))} tabIndex={-1} onClick={(event) => { event.stopPropagation(); follow(event); }}>
            <b>{table.base(row)}</b><span class="dim">/{table.quote(row)}</span>
          </a>
          <span class="where-narrow dim"> <VenueBadge venue={venue} /> <SourceBadge source={source} /> <small>{table.venues[row]!.toLowerCase()}</small></span>
        </span>
        <span role="gridcell" class="c-venue dim"><span class="name">{table.venues[row]!.toLowerCase()}</span> <VenueBadge venue={venue} /> <SourceBadge source={source} /></span>
        <span role="gridcell" class="c-price num" title={Number.isNaN(latest) ? "unknown" : String(latest)}>
          {tinted ? <Tinted now={latest} before={table.before[row]!} /> : fitting(latest)}
        </span>
        <span role="gridcell" class="c-change num">
          {live ? <Change value={table.numbers.change_pct[row]!} /> : <State of={table.states[row]!} silent={silent} />}
        </span>
        <span role="gridcell" class="c-volume num">{compact(volume)}</span>
        <span role="gridcell" class="c-sigma num" {...(partly ? { title: partly } : {})}>
          {sigma === "sigma_abs" ? price(deviation) : share(deviation)}
          {partly && <><sup aria-hidden="true">*</sup><span class="unseen"> {partly}</span></>}
          <i style={{ width: `${Number.isNaN(deviation) ? 0 : Math.min(100, (100 * deviation) / sigmaMax)}%` }} />
        </span>
        <span role="gridcell" class="c-spark"><canvas ref={this.canvas} aria-hidden="true" /></span>
      </div>
    );
  }
}

/** Why a row's σ carry a star; null where they carry none. */
export const provisionalOf = (table: Table, row: number): string | null =>
  table.provisional(row) ? `σ of ${Math.floor(100 * table.numbers.coverage[row]!)}% of the ${table.span}: provisional` : null;

/** What stands in place of the change of a market that is not live. */
export function State({ of, silent }: { of: string; silent: string }) {
  return silent ? <span class="badge" title={`${of}: its venue has not answered for ${silent}`}>{of} {silent}</span> : <span class="badge">{of}</span>;
}

/** A price that a column has no room for is rounded, never cut: its title has it whole. */
const fitting = (value: number): string => (Math.abs(value) < 1e8 ? price(value) : compact(value));

/** Only the digits that changed are coloured, until the next delta. */
export function Tinted({ now, before }: { now: number; before: number }) {
  const text = fitting(now);
  if (Number.isNaN(before) || Number.isNaN(now) || before === now) return <>{text}</>;
  const old = fitting(before);
  let same = 0;
  while (same < text.length && text[same] === old[same]) same++;
  if (text.length !== old.length) same = 0;
  return <>{text.slice(0, same)}<span class={now > before ? "up" : "down"}>{text.slice(same)}</span></>;
}

export function Change({ value }: { value: number }) {
  if (Number.isNaN(value)) return <span class="dim">–</span>;
  const sign = isZero(value) ? "dim" : value > 0 ? "up" : "down";
  return <span class={sign}><small>{{ up: "▲", down: "▼", dim: "" }[sign]}</small> {percent(value)}</span>;
}

export function Move({ places }: { places: number }) {
  if (Number.isNaN(places)) return <span class="dim" title="no rank an hour ago">–</span>;
  if (places === 0) return <span class="dim" title="as an hour ago">·</span>;
  const word = places > 0 ? "up" : "down";
  return <span class={word} title={`${Math.abs(places)} ${word} in an hour`}><small>{places > 0 ? "▲" : "▼"}</small>{Math.abs(places)}</span>;
}
