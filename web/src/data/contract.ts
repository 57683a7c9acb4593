// Written by `make docs` from the OpenAPI document. Do not edit.

export interface AcknowledgeBody {
  by: string;
}

export type Aggregate = "last" | "mean" | "sum" | "minmax" | "ohlc" | "lttb";

export interface AliasBody {
  market: string;
  shown?: boolean;
}

export interface Aliases {
  items: ShownAlias[];
  demo: boolean;
}

export type Answer = "accepted" | "later" | "refused" | "malformed" | "gone";

export interface AuditPage {
  items: ShownDeed[];
  next_cursor: string | null;
}

export interface AuditVerified {
  sound: boolean;
  rows: number;
  newest_hash: string;
  wrong_row: number | null;
  reason: string | null;
}

export interface BackupBody {
  target: string;
}

export interface BackupsPage {
  items: ShownBackup[];
  demo: boolean;
}

export type CallerKind = "local" | "anonymous" | "user" | "key" | "command_line";

export interface ChannelBody {
  service: string;
  settings: { [name: string]: string | number };
}

export interface ChannelsPage {
  items: ShownChannel[];
  demo: boolean;
}

export interface CheckRuleBody {
  condition: string;
  target: string[];
  clear?: string | null;
  clear_for?: string;
  cooldown?: string;
  reminder?: string;
  no_data?: NoData;
  no_data_for?: string;
  severity?: Severity;
  channels?: string[];
  mute?: string[];
  max_triggers?: number | null;
  valid_until?: string | null;
  notify_resolved?: boolean;
  on?: On;
  note?: string;
  enabled?: boolean;
  name?: string;
}

export interface CheckedRule {
  condition: string;
  clears_when: string;
  series_count: number;
  warnings: RuleProblem[];
  demo: boolean;
}

export interface ClassicMetric {
  id: number;
  ticker: string;
  venue: string;
  metric_type: string;
  value: number | null;
  standard_deviation: number | null;
  metric_rank: string | null;
  metric_24h_history: ClassicReading[];
}

export interface ClassicMetrics {
  metrics: ClassicRow[];
}

export interface ClassicReading {
  timestamp: string;
  value: number;
}

export interface ClassicRow {
  id: number;
  ticker: string;
  venue: string;
  metric_type: string;
  value: number | null;
  standard_deviation: number | null;
  metric_rank: string | null;
}

export interface CollectBody {
  venue?: string | null;
  shard?: string;
}

export interface Collected {
  success: boolean;
  expected: number;
  updated: number;
  failed: number;
  reasons: { [name: string]: { [name: string]: number } };
  runs: CollectionRun[];
  demo: boolean;
}

export interface CollectionRun {
  id: string;
  venue: string;
  kind: RunKind;
  started_at: string;
  finished_at: string;
  expected: number;
  updated: number;
  failed: number;
  reasons: { [name: string]: number };
  outcome: Outcome;
}

export interface Columns {
  id: number[];
  venue: string[];
  pair: string[];
  latest: (number | null)[];
  open: (number | null)[];
  high: (number | null)[];
  low: (number | null)[];
  change_pct: (number | null)[];
  surge: (number | null)[];
  volume_24h_quote: (number | null)[];
  volume_24h_ref: (number | null)[];
  sigma_rel: (number | null)[];
  sigma_abs: (number | null)[];
  sigma_ret: (number | null)[];
  coverage: (number | null)[];
  rank: (number | null)[];
  rank_1h_ago: (number | null)[];
  state: string[];
  source: (string | null)[];
}

export interface ComparedNumbers {
  text: string;
  left: number | null;
  relation: string;
  right: number | null;
}

export interface CompositeMember {
  name: string;
  value: number | null;
  volume: number | null;
  apart_pct: number | null;
  taken: boolean;
  reason: LeftOut | null;
}

export interface CompositeShown {
  text: string;
  value: number | null;
  within_pct: number;
  taken_count: number;
  members_count: number;
  provisional: boolean;
  reason: Unagreed | null;
  members: CompositeMember[];
}

export interface Composition {
  id: number;
  name: string;
  formula: string | null;
  slot: string;
  composites: CompositeShown[];
  demo: boolean;
}

export interface DamagedThing {
  what: string;
  reason: string;
  series: number | null;
  block: number | null;
  begin: string | null;
  end: string | null;
}

export interface Deliveries {
  items: ShownDelivery[];
  next_before: number | null;
  counts: { [name: string]: number };
  unsure: number;
  demo: boolean;
}

export interface EnableBody {
  venue: string;
}

export interface EpisodesPage {
  items: ShownEpisode[];
  next_cursor: string | null;
  demo: boolean;
}

export interface ExplainedNumber {
  text: string;
  then: number | null;
  now: number | null;
  kept: boolean;
  agrees: boolean;
}

export interface FailOver {
  name: string;
  metrics: string[];
  interval: string;
  markets: string[];
  source: string | null;
  since: string | null;
  why: Why;
}

export interface FailOvers {
  items: FailOver[];
  demo: boolean;
}

export interface FieldError {
  field: string;
  message: string;
  allowed?: string | null;
  value?: string | null;
  position?: number | null;
}

export interface FollowBody {
  pattern: string;
  metrics?: string[];
  every?: string | null;
}

export interface ForecastBody {
  market?: string | null;
  markets?: string[];
  metrics?: string[];
  every?: string | null;
  intervals?: { [name: string]: string };
}

export type Format = "json" | "csv" | "ndjson" | "parquet" | "arrow";

export type Freshness = "fresh" | "quiet" | "stale" | "frozen" | "delisted" | "paused";

export interface Health {
  status: string;
}

export interface ImportBody {
  records: NewRecord[];
  dry_run?: boolean;
}

export interface ImportedRecords {
  taken: number;
  known: number;
  refused: { [name: string]: number };
  demo: boolean;
}

export interface InboxMessage {
  number: number;
  severity: Severity;
  kind: string;
  episode: string;
  title: string;
  lines: string[];
  came_at: string;
  read_at: string | null;
}

export interface InboxPage {
  items: InboxMessage[];
  next_before: number | null;
  unread: number;
  demo: boolean;
}

export interface Index {
  name: string;
  version: string;
  demo: boolean;
  documentation: string;
  openapi: string;
  resources: Resource[];
  metrics: MeasuredMetric[];
}

export interface JobBody {
  kind: JobKind;
  venue?: string | null;
}

export type JobKind = "backfill";

export interface Jobs {
  items: LongJob[];
  demo: boolean;
}

export interface KeptAway {
  venue: string;
  away: boolean;
  changed_count: number;
  total_count: number;
}

export interface KeysPage {
  items: ShownKey[];
  next_cursor: string | null;
}

export type Kind = "level" | "flow";

export type LeftOut = "outage" | "not_polled" | "suspect" | "delisted" | "pending" | "damaged" | "paused" | "unknown" | "no_volume" | "still" | "far";

export interface Line {
  id: number;
  from: string | null;
  points: string;
  low: number | null;
  high: number | null;
}

export interface Lines {
  items: Line[];
  step: string;
  demo: boolean;
}

export interface ListedMarket {
  name: string;
  venue: string;
  pair: string;
  base: string;
  quote: string;
  native: string;
  status: MarketStatus;
  metrics: string[];
  title: string | null;
  paused: boolean;
}

export interface Live {
  time: string;
  value: number;
  at: string;
}

export interface LoadForecast {
  market: string;
  markets_count: number;
  venue: string;
  interval: string;
  new_count: number;
  requests_per_minute: number;
  requests_per_minute_before: number;
  used_per_minute: number;
  budget_per_minute: number;
  budget_unit: string;
  budget_pct: number;
  budget_pct_before: number;
  flow_markets_count: number;
  flow_markets_max: number;
  backfill_requests: number;
  backfill_s: number;
  memory_bytes: number;
  disk_bytes_per_day: number;
  problems: string[];
}

export interface LoginBody {
  name: string;
  password: string;
}

export interface LongJob {
  id: string;
  kind: string;
  venue: string | null;
  total: number;
  done: number;
  failed: number;
  reason: string | null;
  started_at: string;
  finished_at: string | null;
}

export interface LongStatistics {
  id: number;
  name: string;
  unit: string;
  window: string;
  begin: string;
  end: string;
  n: number;
  expected: number;
  coverage: number;
  mean: number | null;
  sigma_abs: number | null;
  sigma_rel: number | null;
  sigma_ret: number | null;
  minimum: number | null;
  maximum: number | null;
  change_pct: number | null;
  coarse: boolean;
  sign_change: boolean;
  seam: boolean;
  ddof?: number;
  demo?: boolean;
}

export type MarketStatus = "online" | "halted" | "delisted";

export interface Markets {
  items: ListedMarket[];
  total: number;
  next_cursor: string | null;
  demo: boolean;
}

export interface MeasuredMetric {
  name: string;
  kind: string;
  unit: string;
  meaning: string;
}

export interface MetricRow {
  id: number;
  name: string;
  slug: string;
  venue: string;
  market: string;
  native: string;
  pair: string;
  base: string;
  quote: string;
  metric: string;
  kind: Kind;
  unit: Unit;
  formula: string | null;
  formula_unit: string | null;
  source: string | null;
  interval: string;
  slot: string;
  value: number | null;
  value_at: string | null;
  live_value: number | null;
  live_at: string | null;
  state: Freshness;
  changed_at: string | null;
  age_s: number | null;
  marks: string[];
  window: string;
  from: string;
  to: string;
  n: number;
  expected: number;
  coverage: number | null;
  mean: number | null;
  min: number | null;
  max: number | null;
  sigma_abs: number | null;
  sigma_rel: number | null;
  sigma_ret: number | null;
  ddof: number;
  sign_change: boolean;
  coarse: boolean;
  seam: boolean;
  change_pct: number | null;
  excess_change: number | null;
  surge: number | null;
  by: string;
  rank: number | null;
  of: number;
  excluded: number;
  rank_text: string | null;
  ties: number;
  rank_reason: Unranked | null;
  provisional: boolean;
  provisional_rank: number | null;
  rank_1h_ago: number | null;
  of_1h_ago: number | null;
  rank_change_1h: number | null;
  rank_24h_ago: number | null;
  of_24h_ago: number | null;
  origin: string;
  demo: boolean;
}

export interface MetricsPage {
  items: MetricRow[];
  total: number;
  next_cursor: string | null;
  sequence: number;
  as_of: string;
  demo: boolean;
}

export interface NewChannelBody {
  name: string;
  service: string;
  settings: { [name: string]: string | number };
}

export interface NewKeyBody {
  name: string;
  scopes: string[];
  expires?: string | null;
  networks?: string[];
  user?: string | null;
}

export interface NewRecord {
  time_ms: number;
  value: number | null;
  marks?: string;
  span?: string;
}

export interface NewUserBody {
  name: string;
  role: Role;
  password: string;
}

export interface NewWatchlistBody {
  name: string;
  items: string[];
}

export type NoData = "keep" | "alert" | "ok";

export type NoticeKind = "firing" | "resolved" | "reminder" | "active_again" | "flapping" | "summary" | "no_data" | "digest" | "confirm";

export type NoticeStatus = "pending" | "leased" | "retry_wait" | "delivered" | "dead" | "expired" | "merged" | "muted" | "cancelled";

export type On = "slot" | "reading";

export type OneShape = "classic";

export type Outcome = "complete" | "partial" | "none" | "skipped";

export interface OwnPasswordBody {
  current: string;
  password: string;
}

export interface PasswordBody {
  password: string;
}

export interface Patterns {
  items: ShownPattern[];
  demo: boolean;
}

export type Precision = "ns" | "us" | "ms" | "s";

export interface PreviewBody {
  condition: string;
  target: string[];
  clear?: string | null;
  clear_for?: string;
  cooldown?: string;
  reminder?: string;
  no_data?: NoData;
  no_data_for?: string;
  severity?: Severity;
  channels?: string[];
  mute?: string[];
  max_triggers?: number | null;
  valid_until?: string | null;
  notify_resolved?: boolean;
  on?: On;
  note?: string;
  enabled?: boolean;
  over?: string;
}

export interface PreviewedDay {
  day: string;
  episodes_count: number;
  notices_count: number;
}

export interface PreviewedEpisode {
  series: string;
  opened_at: string;
  closed_at: string | null;
  reason: string;
  reopened: number;
}

export interface PreviewedSeries {
  series: string;
  episodes_count: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  advice: string;
  errors?: FieldError[];
  request_id?: string;
}

export interface ProblemKind {
  type: string;
  title: string;
  status: number;
  advice: string;
}

export interface RankHistoryAnswer {
  metric: string;
  by: string;
  window: string;
  interval: string;
  slots: string[];
  of: number[];
  items: RankedSeries[];
  as_of: string;
  demo: boolean;
}

export interface RankedSeries {
  id: number;
  name: string;
  slug: string;
  ranks: (number | null)[];
}

export interface RankingPage {
  metric: string;
  kind: Kind;
  unit: Unit;
  by: string;
  window: string;
  interval: string;
  peers: string | null;
  direction: string;
  ddof: number;
  mixed_units: boolean;
  slot: string | null;
  of: number;
  provisional_of: number;
  excluded: number;
  total: number;
  items: MetricRow[];
  next_cursor: string | null;
  sequence: number;
  as_of: string;
  demo: boolean;
}

export interface ReadAnswer {
  read: number;
}

export interface ReadBody {
  through: number;
}

export interface Ready {
  status: string;
  slot_ended_at: string | null;
  slot_age_s: number | null;
}

export interface Record {
  time: string;
  value: number | null;
  marks?: string[];
  span?: string | null;
  source?: string | null;
  open?: number | null;
  high?: number | null;
  low?: number | null;
  close?: number | null;
  n?: number | null;
}

export interface Recorded {
  success: boolean;
  reasons?: { [name: string]: { [name: string]: number } } | null;
}

export interface Records {
  id: number;
  name: string;
  slug: string;
  metric: string;
  kind: string;
  unit: string;
  interval: string;
  step: string;
  tier: string;
  agg: Aggregate | null;
  begin: string;
  end: string;
  items: Record[];
  running: Live | null;
  next_cursor: string | null;
  demo: boolean;
}

export interface RecordsOfSeveral {
  items: Records[];
  demo: boolean;
}

export interface RefusedSample {
  index: number;
  field: string;
  reason: string;
  allowed?: string | null;
}

export interface RejectedSample {
  at: string;
  about: string;
  reason: string;
  refused_count: number;
}

export interface RejectedSamples {
  items: RejectedSample[];
  demo: boolean;
}

export interface Rekeyed {
  count: number;
  demo: boolean;
}

export interface Resource {
  path: string;
  methods: string[];
}

export type Role = "reader" | "editor" | "admin";

export interface RotationBody {
  overlap?: string;
}

export interface RuleBody {
  condition: string;
  target: string[];
  clear?: string | null;
  clear_for?: string;
  cooldown?: string;
  reminder?: string;
  no_data?: NoData;
  no_data_for?: string;
  severity?: Severity;
  channels?: string[];
  mute?: string[];
  max_triggers?: number | null;
  valid_until?: string | null;
  notify_resolved?: boolean;
  on?: On;
  note?: string;
  enabled?: boolean;
}

export interface RuleProblem {
  path: string;
  message: string;
  position?: number | null;
}

export interface RuleVersions {
  items: ShownRule[];
  demo: boolean;
}

export interface RulesPage {
  items: ShownRule[];
  total: number;
  next_cursor: string | null;
  file: string | null;
  file_problems: RuleProblem[];
  file_problems_count: number;
  demo: boolean;
}

export type RunKind = "poll" | "collect" | "backfill";

export interface Runs {
  items: CollectionRun[];
  next_before: string | null;
  demo: boolean;
}

export interface ServiceSetting {
  name: string;
  meaning: string;
  required: boolean;
  secret: boolean;
  default: string;
}

export interface ServicesPage {
  items: ShownService[];
}

export interface SetupBody {
  token: string;
  name: string;
  password: string;
}

export interface SetupToken {
  token: string;
  valid_s: number;
}

export type Severity = "info" | "warning" | "critical";

export type Shape = "classic" | "array";

export interface ShownAlias {
  alias: string;
  market: string;
  shown: boolean;
  by: string;
  demo: boolean;
}

export interface ShownBackup {
  id: string;
  path: string;
  started_at: string;
  finished_at: string | null;
  total: number;
  done: number;
  size_bytes: number | null;
  items_count: number | null;
  damaged: string[];
  problem: string | null;
}

export interface ShownChannel {
  name: string;
  service: string;
  origin: string;
  address: string;
  state: string;
  reason: string | null;
  per_minute: number | null;
  etag: string;
}

export interface ShownCourse {
  rule: string;
  series: string;
  items: ShownMoment[];
  demo: boolean;
}

export interface ShownDeed {
  number: number;
  at: string;
  who: string;
  what: string;
  about: string;
  request_id: string;
  before: string;
  after: string;
  hash: string;
}

export interface ShownDelivery {
  number: number;
  id: string;
  episode: string;
  kind: NoticeKind;
  channel: string;
  status: NoticeStatus;
  detail: string;
  attempts: number;
  unsure: number;
  decided_at: string;
  changed_at: string | null;
  next_at: string | null;
}

export interface ShownEpisode {
  id: string;
  rule: string;
  version: number;
  severity: Severity;
  series_id: number;
  series: string | null;
  opened_at: string;
  closed_at: string | null;
  reason: string;
  reopened: number;
  acknowledged_by: string | null;
  acknowledged_at: string | null;
  demo: boolean;
}

export interface ShownExplainedNotice {
  kind: string;
  at: string;
  read_at: string | null;
  reason: string;
  withheld: string[];
  agrees: boolean;
  numbers: ExplainedNumber[];
}

export interface ShownExplanation {
  episode: string;
  rule: string;
  version: number;
  condition: string;
  series: string;
  opened_at: string;
  closed_at: string | null;
  reason: string;
  agrees: boolean;
  notices: ShownExplainedNotice[];
  demo: boolean;
}

export interface ShownKey {
  id: string;
  name: string;
  user: string | null;
  scopes: string[];
  networks: string[];
  state: string;
  exposed: boolean;
  made_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  used_at: string | null;
}

export interface ShownMoment {
  at: string;
  phase: string;
  why: string;
  compared: ComparedNumbers[];
}

export interface ShownPattern {
  id: string;
  pattern: string;
  venue: string;
  metrics: string[];
  interval: string;
  origin: string;
  markets: string[];
  chosen_at: string | null;
  demo: boolean;
}

export interface ShownPreview {
  condition: string;
  clears_when: string;
  from_at: string;
  to_at: string;
  series_count: number;
  unknown_share: number;
  almost_count: number;
  episodes_count: number;
  notices_count: number;
  notices_a_day: number;
  notices_by_kind: { [name: string]: number };
  days: PreviewedDay[];
  series: PreviewedSeries[];
  episodes: PreviewedEpisode[];
  took_ms: number;
  demo: boolean;
}

export interface ShownRule {
  name: string;
  version: number;
  condition: string;
  target: string[];
  clear: string | null;
  clears_when: string;
  clear_for: string;
  cooldown: string;
  reminder: string;
  no_data: NoData;
  no_data_for: string;
  severity: Severity;
  channels: string[];
  mute: string[];
  max_triggers: number | null;
  valid_until: string | null;
  notify_resolved: boolean;
  on: On;
  note: string;
  enabled: boolean;
  origin: string;
  created_at: string;
  changed_at: string;
  problems: RuleProblem[];
  etag: string;
  demo: boolean;
}

export interface ShownService {
  name: string;
  per_minute: number;
  settings: ServiceSetting[];
}

export interface ShownSession {
  kind: CallerKind;
  name: string;
  role: Role | null;
  scopes: string[];
  expires_at: string | null;
  guarded: boolean;
  demo: boolean;
  sign_in?: ShownSignIn | null;
}

export interface ShownSignIn {
  name: string;
  address: string;
}

export interface ShownSilence {
  id: number;
  target: string[];
  rule: string | null;
  from_at: string;
  until_at: string;
  by: string;
  comment: string;
  demo: boolean;
}

export interface ShownSubscription {
  number: number;
  address: string;
  target: string;
  severity: Severity;
  mute: string[];
  made_at: string;
  confirmed_at: string | null;
}

export interface ShownUser {
  name: string;
  role: Role;
  disabled: boolean;
  made_at: string;
  changed_at: string;
}

export interface ShownWatchlist {
  name: string;
  items: string[];
  origin: string;
  series_count: number;
  demo: boolean;
}

export interface SilenceBody {
  target: string[];
  until: string;
  rule?: string | null;
  by?: string;
  comment?: string;
}

export interface SilencesPage {
  items: ShownSilence[];
  demo: boolean;
}

export interface StorageReport {
  state: StorageState;
  since: string;
  age_s: number;
  reason: string;
  damaged_count: number;
  damaged: DamagedThing[];
  demo: boolean;
}

export type StorageState = "ok" | "full" | "read_only" | "failed" | "away";

export type StreamState = "idle" | "connecting" | "live" | "maintenance" | "down";

export interface SubscriptionBody {
  address: string;
  target: string;
  severity?: Severity;
  mute?: string[];
}

export interface SubscriptionsPage {
  items: ShownSubscription[];
  demo: boolean;
}

export interface TableSnapshot {
  epoch: string;
  sequence: number;
  time: string;
  slot: string | null;
  metric: string;
  unit: string;
  interval: string;
  by: string;
  window: string;
  watchlist: string | null;
  of: number;
  total: number;
  page: number;
  pages: number;
  columns: Columns;
  demo: boolean;
}

export interface TakenSamples {
  taken: number;
  late: number;
  made: string[];
  made_count: number;
  refused_count: number;
  reasons: { [name: string]: number };
  refused: RefusedSample[];
  demo: boolean;
}

export interface Tested {
  name: string;
  delivered: boolean;
  answer: Answer;
  detail: string;
  took_ms: number;
  demo: boolean;
}

export type Theme = "light" | "dark";

export interface ToldKey {
  key: string;
  about: ShownKey;
}

export interface TrackBody {
  market?: string | null;
  name?: string | null;
  formula?: string | null;
  backups?: string[] | null;
  metric?: string;
  metrics?: string[];
  every?: string | null;
  intervals?: { [name: string]: string };
}

export interface Tracked {
  items: TrackedSeries[];
  demo: boolean;
}

export interface TrackedSeries {
  id: number;
  name: string;
  slug: string;
  href: string;
  interval: string;
  origin: string;
  formula: string | null;
  created: boolean;
}

export type Unagreed = "nobody" | "disagree";

export type Unit = "quote_per_base" | "quote" | "base" | "reference_currency" | "basis_points" | "count" | "formula";

export type Unranked = "not_a_peer" | "delisted" | "stale" | "frozen" | "suspect" | "too_few" | "sign_change" | "unknown" | "provisional" | "paused" | "seam";

export interface UserBody {
  role?: Role | null;
  disabled?: boolean | null;
}

export interface UsersPage {
  items: ShownUser[];
  next_cursor: string | null;
}

export interface Venue {
  name: string;
  state: VenueState;
  since: string;
  detail: string;
  until: string | null;
  success_at: string | null;
  durable_through: string | null;
  durable_slot: string | null;
  skew_ms: number | null;
  markets_count: number;
  tracked_count: number;
  skipped_runs_count: number;
  errors: { [name: string]: number };
  rejected: { [name: string]: number };
  unresolved: { [name: string]: string };
  budget_per_minute: number;
  flow_markets_max: number;
  fail_overs_count: number;
  kept_away_count: number;
  stream: VenueStream | null;
}

export type VenueState = "starting" | "up" | "degraded" | "down" | "rate_limited" | "blocked_by_region" | "maintenance" | "paused";

export interface VenueStream {
  state: StreamState;
  since: string;
  detail: string;
  heard_at: string | null;
  wanted_count: number;
  subscribed_count: number;
  connections_count: number;
  frames_count: number;
  bad_frames_count: number;
  refused_count: number;
  trades_count: number;
  duplicates_count: number;
  gaps_count: number;
}

export interface Venues {
  items: Venue[];
  available: string[];
  demo: boolean;
}

export interface WatchlistBody {
  items: string[];
}

export interface WatchlistsPage {
  items: ShownWatchlist[];
  demo: boolean;
}

export type Why = "first" | "not_read" | "asked";

export interface SamplesBody {
  samples: Sample[];
}

export interface Sample {
  market: string;
  value: number;
  metric?: string;
  time?: number | string | null;
}
