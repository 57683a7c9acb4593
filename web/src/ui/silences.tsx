// Silences: what nobody is told of, until when. Made for a rule beside it, or here for anything.
import type { RulesPage, ShownSilence, SilencesPage } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { moment } from "../lib/time.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { Form, listed, Opened, texts, Why, type Given } from "./form.tsx";

export const UNTIL = { name: "until", label: "Until", value: "1h", suggest: ["15m", "1h", "4h", "24h", "7d"], hint: "a span from now as 2h, or a moment as 2026-11-23T08:00Z", required: true };
const COMMENT = { name: "comment", label: "Why" };

export const silence = (target: readonly string[], rule: string | null, given: Given) =>
  send<ShownSilence>("POST", "silences", { target, rule, until: texts(given, "until"), comment: texts(given, "comment"), by: session.value.name || "page" });

/** Mute one rule until then. */
export function Mute({ rule, target, close, changed }: { rule: string; target: readonly string[]; close: () => void; changed: () => void }) {
  const submit = async (given: Given) => {
    await silence(target, rule, given);
    changed();
    close();
  };
  return <Form name={`Mute ${rule}`} act="Mute" fields={[UNTIL, COMMENT]} submit={submit} close={close} />;
}

export const end = (one: ShownSilence, changed: () => void) => send("DELETE", `silences/${one.id}`).then(changed, complain);

export function Silences() {
  const answer = useAnswer<SilencesPage>("silences");
  const rules = useAnswer<RulesPage>("rules?limit=1000");
  const { scopes } = useCell(session);
  const may = scopes.includes("write:rules");
  const fields = [
    { name: "target", label: "Of what", value: "*:*/*", hint: "markets or patterns, by comma", required: true },
    { name: "rule", label: "Only by the rule", suggest: rules.body?.items.map((one) => one.name) ?? [], hint: "empty: by every rule" }, UNTIL, COMMENT,
  ];
  const add = (close: () => void) => async (given: Given) => {
    await silence(listed(given, "target"), texts(given, "rule") || null, given);
    answer.again();
    close();
  };
  return (
    <>
      <Why scope="write:rules" not="silence" />
      {may && <Opened name="New silence">{(close) => <Form name="New silence" act="Silence" fields={fields} submit={add(close)} close={close} />}</Opened>}
      <Answered of={answer}>
        {({ items }) => items.length === 0 ? <p class="dim">Nothing is silenced.</p> : (
          <ul class="list">
            {items.map((one) => (
              <li key={one.id}>
                <span class="grow"><b>{one.rule ?? "every rule"}</b> for {one.target.join(", ")} <span class="dim block">until {moment(Date.parse(one.until_at))} · {one.by} {one.comment}</span></span>
                {may && <button onClick={() => end(one, answer.again)}>End</button>}
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </>
  );
}
