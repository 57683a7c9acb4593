// The rules: how often each fired of late, and what one may do with one, or with several at once.
import { useState } from "preact/hooks";
import type { EpisodesPage, RulesPage, ShownEpisode, ShownRule, ShownSilence, SilencesPage } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { plural } from "../lib/format.ts";
import { moment } from "../lib/time.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { Check, ForChosen, useChosen, type Chosen } from "./chosen.tsx";
import { complain } from "./episodes.tsx";
import { Sure, Why } from "./form.tsx";
import { RuleEdit } from "./ruleedit.tsx";
import { end, Mute, silence } from "./silences.tsx";

const HOURS = 24;
const path = (rule: ShownRule): string => `rules/${encodeURIComponent(rule.name)}`;
const turn = (rule: ShownRule, how: "enable" | "disable") => send("POST", `${path(rule)}/${how}`);
const remove = (rule: ShownRule) => send("DELETE", path(rule), undefined, rule.etag);
const ours = (rule: ShownRule): boolean => ["api", "shipped"].includes(rule.origin.split(":")[0]!);

export function Rules() {
  const answer = useAnswer<RulesPage>("rules?limit=1000");
  const episodes = useAnswer<EpisodesPage>("episodes?limit=1000");
  const silences = useAnswer<SilencesPage>("silences");
  const chosen = useChosen();
  const { scopes } = useCell(session);
  const may = scopes.includes("write:rules");
  const changed = () => [answer, silences].forEach((one) => one.again());
  return (
    <Answered of={answer}>
      {({ items, file, file_problems }) => (
        <>
          <Why scope="write:rules" not="change rules" />
          {file && <p class="dim">Some are defined in {file}; they are changed there.</p>}
          {file_problems.map((one) => <p key={one.path + one.message} class="bad">{one.path}: {one.message}</p>)}
          <ForChosen
            items={items.filter((rule) => chosen.has(rule.name))} nameOf={(rule) => rule.name} chosen={chosen} changed={changed}
            deeds={{
              "Mute 1 h": { run: (rule) => silence(rule.target, rule.name, { until: "1h", comment: "" }) },
              Enable: { run: (rule) => turn(rule, "enable") },
              Disable: { run: (rule) => turn(rule, "disable") },
              Delete: { run: remove, sure: true },
            }}
          />
          <ul class="list rules">
            {items.map((rule) => (
              <RuleLine
                key={rule.name} rule={rule} chosen={may ? chosen : null} changed={changed}
                fired={episodes.body?.items.filter((one) => one.rule === rule.name) ?? []}
                muted={silences.body?.items.filter((one) => one.rule === rule.name) ?? []}
              />
            ))}
          </ul>
        </>
      )}
    </Answered>
  );
}

interface RuleLineProps {
  rule: ShownRule;
  fired: readonly ShownEpisode[];
  muted: readonly ShownSilence[];
  /** null for who may only look. */
  chosen: Chosen | null;
  changed: () => void;
}

function RuleLine({ rule, fired, muted, chosen, changed }: RuleLineProps) {
  const [doing, setDoing] = useState<"edit" | "like" | "mute" | null>(null);
  const close = () => setDoing(null);
  const mine = chosen !== null && ours(rule);
  return (
    <li class={rule.enabled ? "" : "off"}>
      {chosen && <Check chosen={chosen} id={rule.name} name={rule.name} />}
      <span class={`tag ${rule.severity}`}>{rule.enabled ? rule.severity : "off"}</span>
      <span class="grow">
        <b>{rule.name}</b> <span class="dim">{rule.origin}</span>
        <code class="block">{rule.condition}</code>
        <span class="dim block">{rule.target.join(", ")} · at most every {rule.cooldown} · {fired[0] ? `last fired ${moment(Date.parse(fired[0].opened_at))}` : "has not fired"}{rule.channels.length > 0 && ` · tells ${rule.channels.join(", ")}`}</span>
        {muted.map((one) => (
          <span key={one.id} class="warn block">muted until {moment(Date.parse(one.until_at))} {one.comment} {chosen && <button class="link" onClick={() => end(one, changed)}>End</button>}</span>
        ))}
        {rule.problems.map((one) => <span key={one.message} class="bad block">{one.message}</span>)}
      </span>
      <Strip fired={fired} />
      {chosen && (
        <span class="deeds">
          <button aria-expanded={doing === "mute"} onClick={() => setDoing(doing === "mute" ? null : "mute")}>Mute</button>
          {mine && <button aria-expanded={doing === "edit"} onClick={() => setDoing(doing === "edit" ? null : "edit")}>Edit</button>}
          <button aria-expanded={doing === "like"} onClick={() => setDoing(doing === "like" ? null : "like")}>Duplicate</button>
          {mine && <button onClick={() => turn(rule, rule.enabled ? "disable" : "enable").then(changed, complain)}>{rule.enabled ? "Disable" : "Enable"}</button>}
          {mine && rule.origin === "api" && <Sure act="Delete" run={() => remove(rule).then(changed, complain)} />}
        </span>
      )}
      {doing === "mute" && <Mute rule={rule.name} target={rule.target} close={close} changed={changed} />}
      {doing === "edit" && <RuleEdit rule={rule} close={close} changed={changed} />}
      {doing === "like" && <RuleEdit rule={rule} name={`${rule.name}-2`} close={close} changed={changed} />}
    </li>
  );
}

/** Episodes that opened in each of the last 24 hours, the newest at the right. */
function Strip({ fired }: { fired: readonly ShownEpisode[] }) {
  const hours = new Array<number>(HOURS).fill(0);
  for (const { opened_at } of fired) {
    const ago = Math.floor((Date.now() - Date.parse(opened_at)) / 3_600_000);
    if (ago >= 0 && ago < HOURS) hours[HOURS - 1 - ago]!++;
  }
  const count = hours.reduce((sum, n) => sum + n, 0);
  return (
    <span class="strip" role="img" aria-label={`Fired ${plural(count, "time")} in 24 h`}>
      {hours.map((n, hour) => <i key={hour} class={n ? "fired" : ""} title={`${plural(n, "time")}, ${HOURS - hour} h ago`} />)}
    </span>
  );
}
