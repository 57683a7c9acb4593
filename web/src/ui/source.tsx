// How a price comes to us: by polls, or by the venue's stream, and since when.
import { useEffect } from "preact/hooks";
import type { VenueStream, Venues } from "../data/contract.ts";
import { venues } from "../data/feed.ts";
import { useCell } from "../lib/cell.ts";
import { age } from "../lib/format.ts";
import { moment } from "../lib/time.ts";
import { useAnswer } from "./answered.tsx";

/** Streams are not asked for them: between two quotes nobody knows them (docs/decisions/0031). */
const POLLED = new Set(["bid", "ask", "spread_bp"]);

/** How a stream is, in a line. nowMs: by the server's clock. */
export function toldOf(stream: VenueStream | null, nowMs: number): string {
  if (!stream) return "off, polled";
  const since = `since ${moment(Date.parse(stream.since))}`;
  const why = stream.detail && `: ${stream.detail}`;
  switch (stream.state) {
    case "idle":
      return "not needed for what is tracked";
    case "connecting":
      return `${stream.heard_at ? "silent, connecting anew" : "connecting"} ${since}, polled meanwhile${why}`;
    case "live": {
      const heard = stream.heard_at && age(Math.max(0, nowMs - Date.parse(stream.heard_at)) / 1000);
      return `connected ${since}${heard ? `, heard ${heard} ago` : ""}, ${stream.subscribed_count} of ${stream.wanted_count} subscriptions`;
    }
    case "maintenance":
      return `closed for maintenance ${since}, polled meanwhile${why}`;
    case "down":
      return `fallen back to polls ${since}${why}`;
  }
}

/** Of one market's page. slot: the newest closed one, with which it is asked for again. */
export function Source({ venue, metric, slot }: { venue: string; metric: string; slot: string | null }) {
  const answer = useAnswer<Venues>("venues");
  const states = useCell(venues);
  useEffect(() => answer.again(), [states, slot]);
  const found = answer.body?.items.find((one) => one.name === venue);
  if (!found) return null;
  const stream = POLLED.has(metric) ? null : found.stream;
  const now = stream?.state === "live" ? `Read from its stream since ${moment(Date.parse(stream.since))}` : "Polled once a slot";
  const why = stream && stream.state !== "live" && stream.state !== "idle" ? ` · stream ${toldOf(stream, NaN)}` : "";
  return <p class={why ? "warn source" : "dim source"}>{now}{why}</p>;
}
