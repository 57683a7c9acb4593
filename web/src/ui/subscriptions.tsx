// Subscriptions: who is told by mail of what. An address says yes by a mail before anything is sent.
import type { ShownSubscription, SubscriptionsPage } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { moment } from "../lib/time.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { Form, lines, Opened, Sure, texts, Why, type FieldOf, type Given } from "./form.tsx";
import { toast } from "./toasts.tsx";

const FIELDS: FieldOf[] = [
  { name: "address", label: "Mail address", required: true },
  { name: "target", label: "Follows", value: "pattern:*:*/*", suggest: ["pattern:KRAKEN:*/USD", "rule:NAME", "watchlist:NAME"], hint: "rule:NAME, watchlist:NAME or pattern:VENUE:BASE/QUOTE", required: true },
  { name: "severity", label: "From", among: ["info", "warning", "critical"], value: "warning", hint: "nothing milder is told" },
  { name: "mute", label: "Nothing is told", type: "lines", hint: "one a line, as 22:00-07:00 Europe/Berlin" },
];

export function Subscriptions() {
  const answer = useAnswer<SubscriptionsPage>("subscriptions");
  const { scopes } = useCell(session);
  const may = scopes.includes("write:channels");
  const add = (close: () => void) => async (given: Given) => {
    const made = await send<ShownSubscription>("POST", "subscriptions", {
      address: texts(given, "address"), target: texts(given, "target"), severity: given.severity, mute: lines(given, "mute"),
    });
    toast({ title: "A mail is on its way", text: `${made.address} says yes by its link, within a week.`, tone: "good" });
    answer.again();
    close();
  };
  return (
    <section class="box">
      <h2>Mail</h2>
      <Why scope="write:channels" not="subscribe" />
      {may && <Opened name="New subscription">{(close) => <Form name="New subscription" act="Subscribe" fields={FIELDS} submit={add(close)} close={close} />}</Opened>}
      <Answered of={answer}>
        {({ items }) => (
          <ul class="list">
            {items.length === 0 && <li class="dim">Nobody is told by mail.</li>}
            {items.map((one) => (
              <li key={one.number}>
                <span class={`tag ${one.confirmed_at ? "good" : "warning"}`}>{one.confirmed_at ? "confirmed" : "asked"}</span>
                <span class="grow"><b>{one.address}</b> {one.target} <span class="dim block">from {one.severity} on{one.mute.length > 0 && ` · nothing ${one.mute.join(", ")}`} · {one.confirmed_at ? `since ${moment(Date.parse(one.confirmed_at))}` : "has not said yes yet"}</span></span>
                {may && <Sure act="End" run={() => send("DELETE", `subscriptions/${one.number}`).then(answer.again, complain)} />}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
