// Episodes as a list: what fired, where, since when, and what one may do about it.
import { useState } from "preact/hooks";
import type { ShownEpisode, ShownExplanation } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { ApiError, get, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { age, price } from "../lib/format.ts";
import { marketOf, pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { clock, moment } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { Check, type Chosen } from "./chosen.tsx";
import { toast } from "./toasts.tsx";

export const complain = (error: ApiError): void => toast({ title: "That did not work", text: error.message, tone: "bad" });

export const acknowledge = (one: ShownEpisode, by: string) => send("POST", `episodes/${one.id}/acknowledge`, { by: by || "page" });

export function Episodes({ items, changed, none, chosen = null }: { items: readonly ShownEpisode[]; changed: () => void; none: string; chosen?: Chosen | null }) {
  if (items.length === 0) return <p class="dim">{none}</p>;
  return <ul class="list">{items.map((one) => <EpisodeLine key={one.id} episode={one} changed={changed} chosen={chosen} />)}</ul>;
}

function EpisodeLine({ episode, changed, chosen }: { episode: ShownEpisode; changed: () => void; chosen: Chosen | null }) {
  const now = useCell(clock);
  const { scopes, name } = useCell(session);
  const [why, setWhy] = useState<ShownExplanation | null>(null);
  const { id, rule, severity, series, opened_at, closed_at, reason, reopened, acknowledged_by } = episode;
  const lasted = ((closed_at ? Date.parse(closed_at) : now) - Date.parse(opened_at)) / 1000;
  const explain = () => (why ? setWhy(null) : get<ShownExplanation>(`episodes/${id}/explain`).then(setWhy, complain));
  return (
    <li class={closed_at ? "" : "open-episode"}>
      {chosen && <Check chosen={chosen} id={id} name={`${rule} ${series}`} />}
      <span class={`tag ${severity}`}>{closed_at ? "closed" : "firing"}</span>
      <span class="grow">
        <b>{rule}</b> {series ? <a href={inside(pageOf(marketOf(series)))} onClick={follow}>{series}</a> : <span class="dim">no longer tracked</span>}
        <span class="dim block">
          {moment(Date.parse(opened_at))} · {closed_at ? `lasted ${age(lasted)}` : `for ${age(lasted)}`}
          {reopened > 0 && ` · reopened ${reopened} ×`}{reason && ` · ${reason}`}{acknowledged_by && ` · acknowledged by ${acknowledged_by}`}
        </span>
        {why && <Why told={why} />}
      </span>
      <span class="deeds">
        <button aria-expanded={why !== null} onClick={explain}>Why?</button>
        {!closed_at && !acknowledged_by && scopes.includes("write:rules") && <button onClick={() => acknowledge(episode, name).then(changed, complain)}>Acknowledge</button>}
      </span>
    </li>
  );
}

/** The inputs of the decision, as they were stored and as they are computed again. */
function Why({ told }: { told: ShownExplanation }) {
  return (
    <div class="why">
      <code>{told.condition}</code> <span class={told.agrees ? "good" : "warn"}>{told.agrees ? "computed again: the same" : "computed again: differs"}</span>
      {told.notices.map((notice) => (
        <p key={notice.at + notice.kind}>
          {notice.kind} {moment(Date.parse(notice.at))}: {notice.numbers.map((one) => `${one.text} = ${price(one.then)}`).join(" · ")}
        </p>
      ))}
    </div>
  );
}
