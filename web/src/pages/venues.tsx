// Venues: broken ones first, what each last said, and what runs.
import { useEffect, useState } from "preact/hooks";
import type { FailOvers, Jobs, LongJob, Patterns, Runs, ShownPattern, Venue, VenueState, Venues as VenuesAnswer } from "../data/contract.ts";
import { aheadMs, venues as live } from "../data/feed.ts";
import { session } from "../data/session.ts";
import { query, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { age, count, plural } from "../lib/format.ts";
import { pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { clock, moment } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { Answered, useAnswer } from "../ui/answered.tsx";
import { Coverage } from "../ui/coverage.tsx";
import { complain } from "../ui/episodes.tsx";
import { Opened, Sure, Why } from "../ui/form.tsx";
import { Shell } from "../ui/shell.tsx";
import { toldOf } from "../ui/source.tsx";
import { TrackForm } from "../ui/track.tsx";

const WORST: VenueState[] = ["down", "blocked_by_region", "rate_limited", "maintenance", "degraded", "starting", "up", "paused"];
const TONES: Partial<Record<VenueState, string>> = { up: "good", starting: "info", paused: "info", degraded: "warning", maintenance: "warning", rate_limited: "warning" };
const LOOK_MS = 10_000;

export function Venues() {
  const answer = useAnswer<VenuesAnswer>("venues");
  const runs = useAnswer<Runs>("runs?limit=200");
  const states = useCell(live);
  const { scopes } = useCell(session);
  useEffect(() => {
    const every = setInterval(() => !document.hidden && (answer.again(), runs.again()), LOOK_MS);
    return () => clearInterval(every);
  }, []);
  useEffect(() => answer.again(), [states]);
  return (
    <Shell>
      <div class="page">
        <div class="page-head">
          <h1>Venues</h1>
          <span class="room" />
          {scopes.includes("write:rules") && <Opened name="Track a market">{(close) => <TrackForm close={close} changed={answer.again} />}</Opened>}
        </div>
        <Why scope="write:rules" not="track markets" />
        <Answered of={answer}>
          {({ items, available }) => {
            const sorted = [...items].sort((a, b) => WORST.indexOf(a.state) - WORST.indexOf(b.state) || (a.name < b.name ? -1 : 1));
            return <>{scopes.includes("admin") && <Available names={available} changed={answer.again} />}{items.length === 0 && <p class="dim">No venue is read.</p>}{sorted.map((one) => <VenueBox key={one.name} venue={one} runs={runs.body} changed={answer.again} />)}</>;
          }}
        </Answered>
        <FailOversBox />
        <PatternsBox />
        <JobsBox />
      </div>
    </Shell>
  );
}

/** Venues that are not asked, and could be. */
function Available({ names, changed }: { names: string[]; changed: () => void }) {
  if (names.length === 0) return null;
  return (
    <p class="deeds">
      {names.map((name) => <button key={name} onClick={() => send("POST", "venues", { venue: name }).then(changed, complain)}>Switch on {name}</button>)}
    </p>
  );
}

function VenueBox({ venue, runs, changed }: { venue: Venue; runs: Runs | null; changed: () => void }) {
  const now = useCell(clock);
  const { scopes } = useCell(session);
  const said = venue.success_at ? (now - Date.parse(venue.success_at)) / 1000 : null;
  const mine = (runs?.items ?? []).filter((run) => run.venue === venue.name).slice(0, 48).reverse();
  const facts: [string, string][] = [
    ["last answer", said === null ? "none yet" : `${age(said)} ago`],
    ["in this state", `since ${moment(Date.parse(venue.since))}`],
    ["markets", `${count(venue.markets_count)}, ${plural(venue.tracked_count, "series", "series")} tracked`],
    ["budget", `${count(venue.budget_per_minute)} a minute`],
    ["stream", toldOf(venue.stream, now + aheadMs)],
    ["its clock", venue.skew_ms === null ? "unknown" : `${venue.skew_ms > 0 ? "+" : venue.skew_ms < 0 ? "−" : ""}${count(Math.abs(venue.skew_ms))} ms`],
    ["on disk through", venue.durable_slot ? moment(Date.parse(venue.durable_slot)) : "nothing yet"],
  ];
  const [open, setOpen] = useState(false);
  const act = (what: "pause" | "resume") => send("POST", `venues/${venue.name}/${what}`).then(changed, complain);
  const trouble = [...Object.entries(venue.errors), ...Object.entries(venue.rejected)].map(([what, n]) => `${what} ${n} ×`);
  return (
    <section class="box venue">
      <h2>{venue.name} <span class={`tag ${TONES[venue.state] ?? "critical"}`}>{venue.state.replaceAll("_", " ")}</span></h2>
      {venue.detail && <p class="warn">{venue.detail}{venue.until && ` · until ${moment(Date.parse(venue.until))}`}</p>}
      <p class="strips"><span class="dim">24 h</span> <Coverage venue={venue.name} /></p>
      <p class="strips"><span class="dim">runs</span> <span class="strip runs" role="img" aria-label={`Last ${plural(mine.length, "run")}`}>
        {mine.map((run) => <i key={run.id} class={run.outcome} title={`${moment(Date.parse(run.started_at))} ${run.kind}: ${run.updated} of ${run.expected}, ${run.outcome}`} />)}
      </span></p>
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {trouble.length > 0 && <p class="dim">Since the start: {trouble.join(" · ")}</p>}
      <p class="deeds">
        <button aria-expanded={open} onClick={() => setOpen(!open)}>{open ? "Hide runs" : "Show runs"}</button>
        {scopes.includes("write:rules") && venue.fail_overs_count > 0 && (venue.kept_away_count > 0
          ? <button onClick={() => send("DELETE", `venues/${venue.name}/fail-over`).then(changed, complain)}>Let it back</button>
          : <Sure act="Fail over" run={() => send("POST", `venues/${venue.name}/fail-over`).then(changed, complain)} />)}
        {scopes.includes("write:ingest") && <button onClick={() => send("POST", "collect", { venue: venue.name.toLowerCase() }).then(changed, complain)}>Collect now</button>}
        {scopes.includes("write:ingest") && <button onClick={() => send("POST", "jobs", { kind: "backfill", venue: venue.name }).then(changed, complain)}>Fill gaps</button>}
        {scopes.includes("admin") && venue.tracked_count === 0 && <Sure act="Switch off" run={() => send("DELETE", `venues/${venue.name}`).then(changed, complain)} />}
        {scopes.includes("admin") && (venue.state === "paused" ? <button onClick={() => act("resume")}>Resume</button> : <Sure act="Pause" run={() => act("pause")} />)}
      </p>
      {open && <RunsTable venue={venue.name} />}
    </section>
  );
}

/** Each with what was not updated, and why; as far back as one asks. */
function RunsTable({ venue }: { venue: string }) {
  const answer = useAnswer<Runs>(`runs?${query({ venue, limit: 50 })}`);
  return (
    <Answered of={answer}>
      {({ items }) => (
        <div class="as-rows" tabIndex={0} role="group" aria-label={`Runs of ${venue}`}>
          <table>
            <thead><tr><th>When</th><th>Kind</th><th class="num">Updated</th><th>Outcome</th><th>Why not all</th></tr></thead>
            <tbody>
              {items.map((run) => (
                <tr key={run.id}>
                  <td>{moment(Date.parse(run.started_at))}</td><td>{run.kind}</td><td class="num">{count(run.updated)} of {count(run.expected)}</td><td class={run.outcome === "complete" ? "good" : "warn"}>{run.outcome}</td>
                  <td>{Object.entries(run.reasons).map(([why, n]) => `${why} ${n} ×`).join(", ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Answered>
  );
}

/** What is tracked because a pattern names it. */
function PatternsBox() {
  const answer = useAnswer<Patterns>("patterns");
  const states = useCell(live);
  const { scopes } = useCell(session);
  useEffect(() => answer.again(), [states]);
  useEffect(() => {
    const every = setInterval(() => !document.hidden && answer.again(), LOOK_MS);
    return () => clearInterval(every);
  }, []);
  return (
    <section class="box">
      <h2>Patterns</h2>
      <Answered of={answer}>
        {({ items }) => items.length === 0 ? <p class="dim">None is followed. Track a market named as kraken:*/EUR, and those listed later join by themselves.</p> : (
          <ul class="list">
            {items.map((one) => (
              <li key={one.id}>
                <span class="grow">
                  <b>{one.pattern}</b>
                  <details>
                    <summary class="dim">{plural(one.markets.length, "market")} every {one.interval}: {one.metrics.join(", ")}{one.chosen_at && ` · chosen ${moment(Date.parse(one.chosen_at))}`}{one.origin === "file" && " · defined by the configuration"}</summary>
                    <Members of={one} />
                  </details>
                </span>
                {scopes.includes("write:rules") && one.origin !== "file" && <Sure act="Remove" run={() => send("DELETE", `patterns/${one.id}`).then(answer.again, complain)} />}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

/** What it names now, each with the page that shows it. */
function Members({ of: { markets, metrics } }: { of: ShownPattern }) {
  const [metric] = metrics.includes("price") ? ["price"] : metrics;
  const asked = metric === "price" ? "" : `?${query({ metric })}`;
  return <p class="members">{markets.map((one) => <a key={one} href={inside(pageOf(one) + asked)} onClick={follow}>{one.split(":")[1]}</a>)}</p>;
}

const WHY: Record<FailOvers["items"][number]["why"], string> = { first: "its own venue", not_read: "its own is not read", asked: "kept away by request" };

/** Which venue stands for which; nothing where no market has backups. */
function FailOversBox() {
  const answer = useAnswer<FailOvers>("fail-overs");
  useEffect(() => {
    const every = setInterval(() => !document.hidden && answer.again(), LOOK_MS);
    return () => clearInterval(every);
  }, []);
  if (answer.body?.items.length === 0) return null;
  return (
    <section class="box">
      <h2>Fail-over</h2>
      <Answered of={answer}>
        {({ items }) => (
          <ul class="list">
            {items.map((one) => (
              <li key={`${one.name} ${one.interval}`}>
                <span class={`tag ${one.why === "first" ? "good" : "warning"}`}>{one.source?.split(":")[0] ?? "waiting"}</span>
                <span class="grow"><b>{one.name}</b> {one.metrics.join(", ")} <span class="dim block">{one.markets.join(", then ")} · {WHY[one.why]}{one.since && ` · since ${moment(Date.parse(one.since))}`}</span></span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

function JobsBox() {
  const answer = useAnswer<Jobs>("jobs");
  const { scopes } = useCell(session);
  const may = scopes.includes("admin");
  const act = (one: LongJob, how: "cancel" | "retry") => send("POST", `jobs/${encodeURIComponent(one.id)}/${how}`).then(answer.again, complain);
  useEffect(() => {
    const every = setInterval(() => !document.hidden && answer.again(), LOOK_MS);
    return () => clearInterval(every);
  }, []);
  return (
    <section class="box">
      <h2>Long jobs</h2>
      <Answered of={answer}>
        {({ items }) => items.length === 0 ? <p class="dim">None.</p> : (
          <ul class="list">
            {items.map((one) => (
              <li key={one.id}>
                <span class={`tag ${one.finished_at ? (one.reason ? "warning" : "good") : "info"}`}>{one.finished_at ? "done" : "running"}</span>
                <span class="grow"><b>{one.kind}</b> {one.venue} <span class="dim block">{count(one.done)} of {count(one.total)}{one.failed > 0 && `, ${one.failed} failed`}{one.reason && ` · ${one.reason}`}</span></span>
                {!one.finished_at && <progress max={Math.max(1, one.total)} value={one.done} aria-label="done" />}
                {may && (one.finished_at ? <button onClick={() => act(one, "retry")}>Again</button> : <Sure act="Cancel" run={() => act(one, "cancel")} />)}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
