// One row of the table. It is drawn again only where its version says so, and of it the parts that
// are others then.
import { Component, createRef, type ComponentChild } from "preact";
import { aheadMs } from "../data/feed.ts";
import { moveOf, sigmaColumn } from "../data/order.ts";
import { sparkCount, sparkOf } from "../data/sparks.ts";
import type { Table } from "../data/table.ts";
import type { VenueEvent } from "../data/wire.ts";
import { useCell } from "../lib/cell.ts";
import { compact, isZero, percent, price, share } from "../lib/format.ts";
import { pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { differ, pure } from "../lib/pure.ts";
import { clock } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { drawSpark } from "./spark.ts";
import { silentFor, SourceBadge, VenueBadge } from "./venuestate.tsx";

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
  theme: string;
  phone: boolean;
  sigmaMax: number;
  pick: (row: number) => void;
}

export class Row extends Component<RowProps> {
  private readonly canvas = createRef<HTMLCanvasElement>();
  private drawnAs = "";
  private stop = (): void => undefined;

  override shouldComponentUpdate(next: RowProps): boolean {
    return differ(this.props, next);
  }

  override componentDidMount(): void {
    this.spark();
    this.stop = sparkCount.watch(() => this.spark());
  }

  override componentDidUpdate(): void {
    this.spark();
  }

  override componentWillUnmount(): void {
    this.stop();
  }

  private readonly pressed = (): void => this.props.pick(this.props.row);

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

  override render({ table, row, place, top, selected, starred, venue, phone, sigmaMax }: RowProps) {
    const { numbers } = table;
    const live = table.live(row);
    const by = sigmaColumn(table);
    const sigma = numbers[by][row]!;
    const name = table.venues[row]!;
    const source = table.sources[row]!;
    return (
      <div
        role="row" id={`row-${place}`} aria-rowindex={place + 2} aria-selected={selected}
        class={`row${selected ? " selected" : ""}${live ? "" : " stale"}`}
        style={{ transform: `translateY(${top}px)` }}
        onClick={this.pressed}
      >
        <Rank rank={table.ranks.rank[row]!} />
        <Moved places={moveOf(table, row)} />
        <Market venue={name} pair={table.pairs[row]!} starred={starred} state={venue} source={source} phone={phone} />
        <Venue venue={name} state={venue} source={source} />
        <Price now={numbers.latest[row]!} before={table.before[row]!} />
        <Changed value={numbers.change_pct[row]!} state={live ? null : table.states[row]!} venue={venue} />
        <span role="gridcell" class="c-volume num">{compact(numbers.volume_24h_ref[row])}</span>
        <Sigma text={by === "sigma_abs" ? price(sigma) : share(sigma)} part={Number.isNaN(sigma) ? 0 : sigma / sigmaMax} partly={Number.isNaN(sigma) ? null : provisionalOf(table, row)} />
        <span role="gridcell" class="c-spark"><canvas ref={this.canvas} aria-hidden="true" /></span>
      </div>
    );
  }
}

const Rank = pure(({ rank }: { rank: number }) => <span role="gridcell" class="c-rank num">{rank || "–"}</span>);

const Moved = pure(({ places }: { places: number }) => <span role="gridcell" class="c-move">{Move({ places })}</span>);

interface Named {
  venue: string;
  state: VenueEvent | undefined;
  source: string | null;
}

const Market = pure(({ venue, pair, starred, state, source, phone }: Named & { pair: string; starred: boolean; phone: boolean }) => {
  const market = `${venue}:${pair}`;
  const [base, quote] = pair.split("/");
  return (
    <span role="gridcell" class="c-market" title={market}>
      {starred && <span class="star" aria-label="starred">★ </span>}
      <a href={inside(pageOf(market))} tabIndex={-1} onClick={opened}><b>{base}</b><span class="dim">/{quote}</span></a>
      {phone && <span class="where-narrow dim"> <VenueBadge venue={state} /> <SourceBadge source={source} /> <small>{venue.toLowerCase()}</small></span>}
    </span>
  );
});

/** The market's page, not the market beside the table. */
function opened(event: MouseEvent): void {
  event.stopPropagation();
  follow(event);
}

const Venue = pure(({ venue, state, source }: Named) => (
  <span role="gridcell" class="c-venue dim"><span class="name">{venue.toLowerCase()}</span> <VenueBadge venue={state} /> <SourceBadge source={source} /></span>
));

const Price = pure(({ now, before }: { now: number; before: number }) => (
  <span role="gridcell" class="c-price num" title={Number.isNaN(now) ? "unknown" : String(now)}>{tinted(now, before)}</span>
));

const Changed = pure(({ value, state, venue }: { value: number; state: string | null; venue: VenueEvent | undefined }) => (
  <span role="gridcell" class="c-change num">{state === null ? Change({ value }) : <State of={state} venue={venue} />}</span>
));

/** part: of the largest σ, which its bar shows. partly: why it is provisional. */
const Sigma = pure(({ text, part, partly }: { text: string; part: number; partly: string | null }) => (
  <span role="gridcell" class="c-sigma num" {...(partly ? { title: partly } : {})}>
    {text}
    {partly && <><sup aria-hidden="true">*</sup><span class="unseen"> {partly}</span></>}
    <i style={{ width: `${Math.min(100, 100 * part)}%` }} />
  </span>
));

/** Why a row's σ carry a star; null where they carry none. */
export const provisionalOf = (table: Table, row: number): string | null =>
  table.provisional(row) ? `σ of ${Math.floor(100 * table.numbers.coverage[row]!)}% of the ${table.span}: provisional` : null;

/** What stands in place of the change of a market that is not live: with how long its venue has not
 * answered, where that is why. */
export function State({ of, venue }: { of: string; venue: VenueEvent | undefined }) {
  const silent = silentFor(venue, useCell(clock) + aheadMs);
  return silent ? <span class="badge" title={`${of}: its venue has not answered for ${silent}`}>{of} {silent}</span> : <span class="badge">{of}</span>;
}

/** A price that a column has no room for is rounded, never cut: its title has it whole. */
const fitting = (value: number): string => (Math.abs(value) < 1e8 ? price(value) : compact(value));

/** Only the digits that changed are coloured, until the next delta. */
function tinted(now: number, before: number): ComponentChild {
  const text = fitting(now);
  if (Number.isNaN(before) || Number.isNaN(now) || before === now) return text;
  const old = fitting(before);
  let same = 0;
  while (same < text.length && text[same] === old[same]) same++;
  if (text.length !== old.length) same = 0;
  return [text.slice(0, same), <span class={now > before ? "up" : "down"}>{text.slice(same)}</span>];
}

const ARROWS = { up: "▲", down: "▼", dim: "" };

export function Change({ value }: { value: number }) {
  if (Number.isNaN(value)) return <span class="dim">–</span>;
  const sign = isZero(value) ? "dim" : value > 0 ? "up" : "down";
  return <span class={sign}><small>{ARROWS[sign]}</small> {percent(value)}</span>;
}

function Move({ places }: { places: number }) {
  if (Number.isNaN(places)) return <span class="dim" title="no rank an hour ago">–</span>;
  if (places === 0) return <span class="dim" title="as an hour ago">·</span>;
  const word = places > 0 ? "up" : "down";
  return <span class={word} title={`${Math.abs(places)} ${word} in an hour`}><small>{places > 0 ? "▲" : "▼"}</small>{Math.abs(places)}</span>;
}
