// Venues: broken ones first, what each last said, and what runs.
import { useEffect } from "preact/hooks";
import type { Jobs, Runs, Venue, VenueState, Venues as VenuesAnswer } from "../data/contract.ts";
import { venues as live } from "../data/feed.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { age, count, plural } from "../lib/format.ts";
import { clock, moment } from "../lib/time.ts";
import { complain } from "../ui/episodes.tsx";
import { Shell } from "../ui/shell.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";

const WORST: VenueState[] = ["down", "blocked_by_region", "rate_limited", "maintenance", "degraded", "starting", "up"];
const TONES: Partial<Record<VenueState, string>> = { up: "good", starting: "info", degraded: "warning", maintenance: "warning", rate_limited: "warning" };
const LOOK_MS = 10_000;

export function Venues() {
  const answer = useAnswer<VenuesAnswer>("venues");
  const runs = useAnswer<Runs>("runs?limit=200");
  const states = useCell(live);
  useEffect(() => {
    const every = setInterval(() => !document.hidden && (answer.again(), runs.again()), LOOK_MS);
    return () => clearInterval(every);
  }, []);
  useEffect(() => answer.again(), [states]);
  return (
    <Shell>
      <div class="page">
        <h1>Venues</h1>
        <Answered of={answer}>
          {({ items }) => {
            const sorted = [...items].sort((a, b) => WORST.indexOf(a.state) - WORST.indexOf(b.state) || (a.name < b.name ? -1 : 1));
            return <>{items.length === 0 && <p class="dim">No venue is read.</p>}{sorted.map((one) => <VenueBox key={one.name} venue={one} runs={runs.body} changed={answer.again} />)}</>;
          }}
        </Answered>
        <JobsBox />
      </div>
    </Shell>
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
    ["its clock", venue.skew_ms === null ? "unknown" : `${venue.skew_ms > 0 ? "+" : ""}${venue.skew_ms} ms`],
    ["on disk through", venue.durable_slot ? moment(Date.parse(venue.durable_slot)) : "nothing yet"],
  ];
  const trouble = [...Object.entries(venue.errors), ...Object.entries(venue.rejected)].map(([what, n]) => `${what} ${n} ×`);
  return (
    <section class="box venue">
      <h2>{venue.name} <span class={`tag ${TONES[venue.state] ?? "critical"}`}>{venue.state.replaceAll("_", " ")}</span></h2>
      {venue.detail && <p class="warn">{venue.detail}{venue.until && ` · until ${moment(Date.parse(venue.until))}`}</p>}
      <span class="strip runs" role="img" aria-label={`Last ${plural(mine.length, "run")}`}>
        {mine.map((run) => <i key={run.id} class={run.outcome} title={`${moment(Date.parse(run.started_at))} ${run.kind}: ${run.updated} of ${run.expected}, ${run.outcome}`} />)}
      </span>
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      {trouble.length > 0 && <p class="dim">Since the start: {trouble.join(" · ")}</p>}
      {scopes.includes("write:ingest") && <button onClick={() => send("POST", "collect", { venue: venue.name.toLowerCase() }).then(changed, complain)}>Collect now</button>}
    </section>
  );
}

function JobsBox() {
  const answer = useAnswer<Jobs>("jobs");
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
                {!one.finished_at && <button onClick={() => send("POST", `jobs/${encodeURIComponent(one.id)}/cancel`).then(answer.again, complain)}>Cancel</button>}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
