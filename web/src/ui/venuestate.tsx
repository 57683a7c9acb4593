// How a venue is, in a word beside its name, wherever its markets are named.
import type { VenueState } from "../data/contract.ts";
import type { VenueEvent } from "../data/wire.ts";
import { age } from "../lib/format.ts";
import { moment } from "../lib/time.ts";

/** Short enough for a column. What is not here needs no word. */
const WORDS: Partial<Record<VenueState, string>> = {
  degraded: "partly", down: "down", rate_limited: "limited", blocked_by_region: "blocked", maintenance: "closed", paused: "paused",
};
const TONES: Partial<Record<VenueState, string>> = { degraded: "warn", paused: "" };

/** Whether a venue is not as it should be; one that is paused is. */
export const troubled = (venue: VenueEvent | undefined): boolean => venue !== undefined && venue.state in WORDS && venue.state !== "paused";

export function VenueBadge({ venue }: { venue: VenueEvent | undefined }) {
  if (!venue || !(venue.state in WORDS)) return null;
  const why = `${venue.venue} ${venue.state.replaceAll("_", " ")} since ${moment(Date.parse(venue.since))}${venue.detail && `: ${venue.detail}`}`;
  return <span class={`badge ${TONES[venue.state] ?? "bad"}`} title={why}>{WORDS[venue.state]}</span>;
}

/** Which venue a fail-over is shown from now; nothing for all else. source: as its market is named. */
export function SourceBadge({ source }: { source: string | null }) {
  return source && <span class="badge" title={`shown from ${source}`}>{source.split(":")[0]!.toLowerCase()}</span>;
}

/** How long a venue has not answered at all: `4 min`; "" where it does, or never did. */
export function silentFor(venue: VenueEvent | undefined, nowMs: number): string {
  if (!venue?.success_at || !troubled(venue) || venue.state === "degraded") return "";
  return age(Math.max(0, nowMs - Date.parse(venue.success_at)) / 1000);
}
