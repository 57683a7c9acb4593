// Alerts: what fires, the rules, what has fired, what was sent, and what is silenced.
import { useState } from "preact/hooks";
import type { Deliveries, EpisodesPage, NoticeStatus, ShownDelivery } from "../data/contract.ts";
import { table as shown } from "../data/feed.ts";
import { SHAPES, written } from "../data/sentence.ts";
import { session } from "../data/session.ts";
import { query, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { plural } from "../lib/format.ts";
import { inside } from "../lib/place.ts";
import { moment } from "../lib/time.ts";
import { address, follow, setParams } from "../lib/url.ts";
import { Check, ForChosen, useChosen } from "../ui/chosen.tsx";
import { acknowledge, complain, Episodes } from "../ui/episodes.tsx";
import { Why } from "../ui/form.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";
import { RuleForm } from "../ui/ruleform.tsx";
import { Rules } from "../ui/rules.tsx";
import { Shell } from "../ui/shell.tsx";
import { silence, Silences } from "../ui/silences.tsx";
import { Tabs, useTab } from "../ui/tabs.tsx";

const TABS = { firing: Firing, rules: Rules, history: Past, deliveries: Sent, silences: Silences };
const NAMES = Object.keys(TABS) as (keyof typeof TABS)[];

export function Alerts() {
  const here = useTab(NAMES);
  const Shown = TABS[here];
  return (
    <Shell>
      <div class="page">
        <div class="page-head">
          <h1>Alerts</h1>
          <Tabs names={NAMES} here={here} />
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
  const chosen = useChosen();
  const { scopes, name } = useCell(session);
  const may = scopes.includes("write:rules");
  return (
    <Answered of={answer}>
      {({ items }) => (
        <>
          <Why scope="write:rules" not="acknowledge" />
          <ForChosen
            items={items.filter((one) => chosen.has(one.id))} nameOf={(one) => one.rule} chosen={chosen} changed={answer.again}
            deeds={{
              Acknowledge: { run: (one) => acknowledge(one, name) },
              "Mute 1 h": { run: (one) => silence([one.series ?? "*:*/*"], one.rule, { until: "1h", comment: "" }) },
            }}
          />
          <Episodes items={items} changed={answer.again} none="Nothing fires. All is quiet." chosen={may ? chosen : null} />
        </>
      )}
    </Answered>
  );
}

function Past() {
  const answer = useAnswer<EpisodesPage>("episodes?limit=200");
  return <Answered of={answer}>{({ items }) => <Episodes items={items} changed={answer.again} none="Nothing has fired yet." />}</Answered>;
}

const STATUSES = ["all", "pending", "retry_wait", "delivered", "dead", "expired", "muted", "merged", "cancelled"] as const satisfies readonly (NoticeStatus | "all")[];
const again = (one: ShownDelivery) => send("POST", `deliveries/${one.number}/resend`);
const failed = (one: ShownDelivery): boolean => ["dead", "expired"].includes(one.status);

function Sent() {
  const { params } = useCell(address);
  const status = params.get("status") ?? "all";
  const answer = useAnswer<Deliveries>(`deliveries?${query({ limit: 200, status: status === "all" ? null : status })}`);
  const chosen = useChosen();
  const { scopes } = useCell(session);
  const may = scopes.includes("write:channels");
  return (
    <>
      <label class="inline">Show <select value={status} onChange={(event) => setParams({ status: event.currentTarget.value === "all" ? null : event.currentTarget.value })}>{STATUSES.map((one) => <option key={one} value={one}>{one.replace("_", " ")}</option>)}</select></label>
      <Why scope="write:channels" not="send again" />
      <Answered of={answer}>
        {({ items, counts }) => (
          <>
            <p class="dim">{Object.entries(counts).map(([what, n]) => `${n} ${what.replace("_", " ")}`).join(" · ") || "Nothing was to be sent yet."}</p>
            <ForChosen
              items={items.filter((one) => chosen.has(String(one.number)))} nameOf={(one) => `Delivery ${one.number}`} chosen={chosen} changed={answer.again}
              deeds={{ "Send again": { run: again } }}
            />
            <ul class="list">
              {items.map((one) => (
                <li key={one.number}>
                  {may && failed(one) && <Check chosen={chosen} id={String(one.number)} name={`delivery ${one.number}`} />}
                  <span class={`tag ${one.status === "dead" ? "critical" : one.status === "delivered" ? "good" : "info"}`}>{one.status.replace("_", " ")}</span>
                  <span class="grow"><b>{one.kind}</b> {one.channel === "*" ? "to whom it concerns" : `by ${one.channel}`} <span class="dim block">{moment(Date.parse(one.decided_at))} · {plural(one.attempts, "attempt")}{one.detail && ` · ${one.detail}`}{one.next_at && ` · next try ${moment(Date.parse(one.next_at))}`}</span></span>
                  {may && failed(one) && <button onClick={() => again(one).then(answer.again, complain)}>Send again</button>}
                </li>
              ))}
            </ul>
          </>
        )}
      </Answered>
    </>
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
        <RuleForm key={target} target={target} metric="price" latest={() => NaN} condition={condition} setCondition={(text) => setParams({ condition: text })} setMarks={setMarks} heading="The rule" />
        {marks.length > 0 && <p class="dim">It would have fired at {marks.slice(-8).map((at) => moment(at * 1000)).join(", ")}.</p>}
      </div>
    </Shell>
  );
}
