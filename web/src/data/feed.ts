// The table that is shown, kept as the stream tells it: open the stream, load the snapshot, apply
// what came meanwhile and what comes (docs/reference/stream.md). Drawing is asked for once a frame,
// so a hidden tab draws nothing.
import { ApiError, get, query } from "../lib/api.ts";
import { Cell } from "../lib/cell.ts";
import { api } from "../lib/place.ts";
import type { Delta } from "./delta.ts";
import { connect } from "./link.ts";
import { Table } from "./table.ts";
import type { EpisodeEvent, Hello, TableSnapshot, Told, VenueEvent, Wish } from "./wire.ts";

export interface Shown {
  metric: string;
  by: string;
  window: string | null;
  watchlist: string | null;
  page: number;
}

/** Live: what is shown is where the stream stands, and goes on with it. */
export type Link =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "lost"; againAt: number; status: number }
  | { state: "crowded" };

export const table = new Cell<Table | null>(null);
/** Counts what was drawn: look at it to be drawn again whenever the table has changed. */
export const tick = new Cell(0);
export const link = new Cell<Link>({ state: "connecting" });
export const hello = new Cell<Hello | null>(null);
export const venues = new Cell<ReadonlyMap<string, VenueEvent>>(new Map());
export const failure = new Cell<ApiError | null>(null);
/** The build of the page that the server brings, once it is not ours. */
export const newer = new Cell(false);
/** When anything came from the server, by this machine's clock. */
export let heardAt = Date.now();
/** What the server's clock is ahead of ours by, ms. */
export let aheadMs = 0;

const episodeListeners = new Set<(event: EpisodeEvent) => void>();
let wish: ((wish: Wish) => void) | null = null;
let shown: string | null = null;
let early: Delta[] = [];
let loading: AbortController | null = null;
let greeted = false; // the stream is up
let build: string | null = null;
let frame = 0;

export function onEpisode(listener: (event: EpisodeEvent) => void): () => void {
  episodeListeners.add(listener);
  return () => episodeListeners.delete(listener);
}

/** Show another table. */
export function show(view: Shown): void {
  const { page, ...rest } = view;
  const asked = query({ ...rest, page: page > 1 ? page : null });
  if (asked === shown) return;
  shown = asked;
  table.value = null;
  failure.value = null;
  watch();
  void load();
}

/** Try again now, whatever failed. */
export function retry(): void {
  wish?.({ kind: "now" });
  if (!table.value) void load();
}

function watch(): void {
  wish ??= connect(hear);
  wish({ kind: "watch", address: new URL(`stream?${shown}`, api).href });
}

addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // come back from the browser's cache: its stream is gone
});

function hear(told: Told): void {
  if (told.kind !== "lost" && told.kind !== "crowded") heardAt = Date.now();
  switch (told.kind) {
    case "hello":
      return greet(told.data);
    case "delta":
      if (loading || !table.value) early.push(told.data);
      else take(told.data);
      return draw();
    case "venue":
      venues.value = new Map(venues.value).set(told.data.venue, told.data);
      return;
    case "episode":
      return episodeListeners.forEach((listener) => listener(told.data));
    case "reset":
      return void load();
    case "lost":
      greeted = false;
      link.value = { state: "lost", againAt: told.againAt, status: told.status };
      return;
    case "crowded":
      greeted = false;
      link.value = { state: "crowded" };
  }
}

function greet(data: Hello): void {
  greeted = true;
  aheadMs = Date.parse(data.time) - Date.now();
  hello.value = data;
  venues.value = new Map(data.venues.map((one) => [one.venue, one]));
  build ??= data.ui;
  newer.value = build !== data.ui;
  const held = table.value;
  const goesOn = held && held.epoch === data.epoch && data.sequence <= held.sequence;
  link.value = { state: goesOn ? "live" : "connecting" };
  if (!goesOn && !loading) void load();
}

function take(delta: Delta): void {
  if (!table.value!.apply(delta)) void load();
}

async function load(): Promise<void> {
  loading?.abort();
  const mine = (loading = new AbortController());
  try {
    const told = await get<TableSnapshot>(`snapshot?${shown}`, mine.signal);
    const fresh = new Table(told);
    const waited = early.filter((delta) => delta.sequence > fresh.sequence);
    early = [];
    loading = null;
    failure.value = null;
    table.value = fresh;
    if (!waited.every((delta) => fresh.apply(delta))) void load();
    else if (greeted) link.value = { state: "live" };
    draw();
  } catch (error) {
    if (mine.signal.aborted) return;
    loading = null;
    early = [];
    if (!table.value) failure.value = error as ApiError;
  }
}

function draw(): void {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    tick.value++;
  });
}
