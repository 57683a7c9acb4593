// What the stream tells (docs/reference/stream.md). The contract knows the snapshot; events are not
// part of an OpenAPI document.
import type { Severity, VenueState } from "./contract.ts";
import type { Delta } from "./delta.ts";

export type { Columns, TableSnapshot } from "./contract.ts";

export interface VenueEvent {
  venue: string;
  state: VenueState;
  since: string;
  detail: string;
  success_at: string | null;
  skew_ms: number | null;
}

export interface EpisodeEvent {
  id: string;
  rule: string;
  severity: Severity;
  series_id: number;
  series: string | null;
  opened_at: string;
  closed_at: string | null;
  reason: string;
  reopened: number;
}

export interface Hello {
  version: string;
  ui: string;
  epoch: string;
  sequence: number;
  time: string;
  metric: string;
  interval_ms: number;
  pace_ms: number;
  rows: number;
  page: number;
  pages: number;
  venues: VenueEvent[];
  demo: boolean;
}

/** What the worker tells a tab. `at`: by the clock of this machine, ms. */
export type Told =
  | { kind: "hello"; data: Hello }
  | { kind: "delta"; data: Delta }
  | { kind: "venue"; data: VenueEvent }
  | { kind: "episode"; data: EpisodeEvent }
  | { kind: "reset" }
  | { kind: "alive"; at: number }
  | { kind: "lost"; at: number; againAt: number; status: number }
  | { kind: "crowded" };

/** What a tab tells the worker. */
export type Wish =
  | { kind: "watch"; address: string }
  | { kind: "now" }
  | { kind: "here" }
  | { kind: "leave" };
