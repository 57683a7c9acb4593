// Alerts: what fires, the rules, what has fired, what was sent, and what is silenced.
import { useState } from "preact/hooks";
import type { Deliveries, EpisodesPage, RulesPage, ShownDelivery, ShownEpisode, ShownRule, ShownSilence, SilencesPage } from "../data/contract.ts";
import { table as shown } from "../data/feed.ts";
import { SHAPES, written } from "../data/sentence.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { plural } from "../lib/format.ts";
import { inside } from "../lib/place.ts";
import { moment } from "../lib/time.ts";
import { address, follow, setParams } from "../lib/url.ts";
import { complain, Episodes } from "../ui/episodes.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";
import { RuleForm } from "../ui/ruleform.tsx";
import { Shell } from "../ui/shell.tsx";

const TABS = { firing: Firing, rules: Rules, history: Past, deliveries: Sent, silences: Silences };
type Tab = keyof typeof TABS;

export function Alerts() {
  const { params } = useCell(address);
  const tab = (params.get("tab") ?? "firing") as Tab;
  const Shown = TABS[tab] ?? Firing;
  return (
    <Shell>
      <div class="page">
        <div class="page-head">
          <h1>Alerts</h1>
          <div class="tabs" role="tablist">
            {(Object.keys(TABS) as Tab[]).map((one) => (
              <button key={one} role="tab" aria-selected={one === tab} class={one === tab ? "on" : ""} onClick={() => setParams({ tab: one === "firing" ? null : one })}>{one}</button>
            ))}
          </div>
          <span class="room" />
          <a class="button primary" href={inside("alerts/new")} onClick={follow}>New alert</a>
        </div>
        <section class="box" role="tabpanel"><Shown /></section>
      </div>
    </Shell>
  );
}

function Firing() {
  const answer = useAnswer<EpisodesPage>("episodes?open=true&limit=200");
  return <Answered of={answer}>{({ items }) => <Episodes items={items} changed={answer.again} none="Nothing fires. All is quiet." />}</Answered>;
}

function Past() {
  const answer = useAnswer<EpisodesPage>("episodes?limit=200");
  return <Answered of={answer}>{({ items }) => <Episodes items={items} changed={answer.again} none="Nothing has fired yet." />}</Answered>;
}

function Rules() {
  const answer = useAnswer<RulesPage>("rules?limit=200");
  const episodes = useAnswer<EpisodesPage>("episodes?limit=500");
  return (
    <Answered of={answer}>
      {({ items, file, file_problems }) => (
        <>
          {file && <p class="dim">Some are defined in {file}; they are changed there.</p>}
          {file_problems.map((one) => <p key={one.path + one.message} class="bad">{one.path}: {one.message}</p>)}
          <ul class="list">{items.map((rule) => <RuleLine key={rule.name} rule={rule} episodes={episodes.body?.items ?? []} changed={answer.again} />)}</ul>
        </>
      )}
    </Answered>
  );
}

function RuleLine({ rule, episodes, changed }: { rule: ShownRule; episodes: readonly ShownEpisode[]; changed: () => void }) {
  const { scopes } = useCell(session);
  const mine = episodes.filter((one) => one.rule === rule.name);
  const hours = strip(mine);
  const act = (method: string, path: string, body?: object) => send(method, path, body, rule.etag).then(changed, complain);
  const name = encodeURIComponent(rule.name);
  const mute = () => send("POST", "silences", { target: rule.target, until: "1h", rule: rule.name, comment: "from the page" }).then(changed, complain);
  const may = scopes.includes("write:rules") && ["api", "shipped"].includes(rule.origin.split(":")[0]!);
  return (
    <li class={rule.enabled ? "" : "off"}>
      <span class={`tag ${rule.severity}`}>{rule.enabled ? rule.severity : "off"}</span>
      <span class="grow">
        <b>{rule.name}</b> <span class="dim">{rule.origin}</span>
        <code class="block">{rule.condition}</code>
        <span class="dim block">{rule.target.join(", ")} · at most every {rule.cooldown} · {mine[0] ? `last fired ${moment(Date.parse(mine[0].opened_at))}` : "has not fired"}{rule.channels.length > 0 && ` · tells ${rule.channels.join(", ")}`}</span>
        {rule.problems.map((one) => <span key={one.message} class="bad block">{one.message}</span>)}
      </span>
      <span class="strip" role="img" aria-label={`Fired ${plural(mine.length, "time")} lately`} title="The last 24 hours, an hour each">{hours.map((n, hour) => <i key={hour} class={n ? "fired" : ""} />)}</span>
      {may && (
        <>
          <button onClick={mute}>Mute 1 h</button>
          <button onClick={() => act("POST", `rules/${name}/${rule.enabled ? "disable" : "enable"}`)}>{rule.enabled ? "Disable" : "Enable"}</button>
          {rule.origin === "api" && <button onClick={() => act("DELETE", `rules/${name}`)}>Delete</button>}
        </>
      )}
    </li>
  );
}

/** Episodes that opened in each of the last 24 hours. */
function strip(episodes: readonly ShownEpisode[]): number[] {
  const hours = new Array<number>(24).fill(0);
  for (const { opened_at } of episodes) {
    const ago = Math.floor((Date.now() - Date.parse(opened_at)) / 3_600_000);
    if (ago >= 0 && ago < 24) hours[23 - ago]!++;
  }
  return hours;
}

function Sent() {
  const answer = useAnswer<Deliveries>("deliveries?limit=200");
  const again = (one: ShownDelivery) => send("POST", `deliveries/${one.number}/resend`).then(answer.again, complain);
  return (
    <Answered of={answer}>
      {({ items, counts }) => (
        <>
          <p class="dim">{Object.entries(counts).map(([status, n]) => `${n} ${status.replace("_", " ")}`).join(" · ") || "Nothing was to be sent yet."}</p>
          <ul class="list">
            {items.map((one) => (
              <li key={one.number}>
                <span class={`tag ${one.status === "dead" ? "critical" : one.status === "delivered" ? "good" : "info"}`}>{one.status.replace("_", " ")}</span>
                <span class="grow"><b>{one.kind}</b> by {one.channel} <span class="dim block">{moment(Date.parse(one.decided_at))} · {plural(one.attempts, "attempt")}{one.detail && ` · ${one.detail}`}</span></span>
                {["dead", "expired"].includes(one.status) && <button onClick={() => again(one)}>Send again</button>}
              </li>
            ))}
          </ul>
        </>
      )}
    </Answered>
  );
}

function Silences() {
  const answer = useAnswer<SilencesPage>("silences");
  const end = (one: ShownSilence) => send("DELETE", `silences/${one.id}`).then(answer.again, complain);
  return (
    <Answered of={answer}>
      {({ items }) => items.length === 0 ? <p class="dim">Nothing is silenced. Mute a rule to make a silence.</p> : (
        <ul class="list">
          {items.map((one) => (
            <li key={one.id}>
              <span class="grow"><b>{one.rule ?? "every rule"}</b> for {one.target.join(", ")} <span class="dim block">until {moment(Date.parse(one.until_at))} · {one.by} {one.comment}</span></span>
              <button onClick={() => end(one)}>End</button>
            </li>
          ))}
        </ul>
      )}
    </Answered>
  );
}

/** The same form, for any market or pattern; what is drafted stands in the address. */
export function NewRule() {
  const { params } = useCell(address);
  const table = useCell(shown);
  const target = params.get("target") ?? "*:*/*";
  const condition = params.get("condition") ?? written({ kind: "moves", value: SHAPES.moves.first(0) });
  const [marks, setMarks] = useState<number[]>([]);
  return (
    <Shell>
      <div class="page narrow">
        <h1>New alert</h1>
        <label class="field">For which markets
          <input value={target} list="targets" spellcheck={false} onChange={(event) => setParams({ target: event.currentTarget.value })} />
        </label>
        <p class="dim">A market (KRAKEN:BTC/USD), or a pattern with *: kraken:*/USD. New markets join by themselves.</p>
        <datalist id="targets">{table && [...table.ids.keys()].slice(0, 500).map((row) => <option key={row} value={table.market(row)} />)}</datalist>
        <RuleForm key={target} target={target} metric="price" latest={NaN} condition={condition} setCondition={(text) => setParams({ condition: text })} setMarks={setMarks} />
        {marks.length > 0 && <p class="dim">It would have fired at {marks.slice(-8).map((at) => moment(at * 1000)).join(", ")}.</p>}
      </div>
    </Shell>
  );
}
