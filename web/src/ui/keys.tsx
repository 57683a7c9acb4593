// Keys: for programs that ask instead of people. A key is shown once, when it is made.
import { useState } from "preact/hooks";
import type { KeysPage, ShownKey, ToldKey } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { moment } from "../lib/time.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { Form, listed, lines, Opened, Sure, texts, type FieldOf, type Given } from "./form.tsx";

const held = (one: ShownKey): boolean => ["good", "ending"].includes(one.state);

export function Keys() {
  const answer = useAnswer<KeysPage>("keys?limit=200");
  const { scopes } = useCell(session);
  const [told, setTold] = useState<ToldKey | null>(null);
  const fields: FieldOf[] = [
    { name: "name", label: "What it is for", required: true },
    { name: "scopes", label: "May", value: "read:metrics", suggest: scopes, hint: `by comma, of ${scopes.join(", ")}`, required: true },
    { name: "expires", label: "Ends", value: "90d", hint: "a span as 90d, or RFC 3339; empty: never" },
    { name: "networks", label: "From where", type: "lines", hint: "addresses or networks, one a line; none: anywhere", more: true },
  ];
  const add = (close: () => void) => async (given: Given) => {
    setTold(await send<ToldKey>("POST", "keys", {
      name: texts(given, "name"), scopes: listed(given, "scopes"), expires: texts(given, "expires") || null, networks: lines(given, "networks"),
    }));
    answer.again();
    close();
  };
  const rotate = (one: ShownKey) => send<ToldKey>("POST", `keys/${one.id}/rotate`, { overlap: "1d" }).then((made) => (setTold(made), answer.again()), complain);
  return (
    <section class="box">
      <h2>Keys</h2>
      <Opened name="New key">{(close) => <Form name="New key" act="Make" fields={fields} submit={add(close)} close={close} />}</Opened>
      {told && (
        <div class="told-key" role="status">
          <label>The key {told.about.name}: it is not shown again.
            <input class="mono" readOnly value={told.key} onFocus={(event) => event.currentTarget.select()} />
          </label>
          <button onClick={() => setTold(null)}>I have it</button>
        </div>
      )}
      <Answered of={answer}>
        {({ items }) => (
          <ul class="list">
            {items.length === 0 && <li class="dim">None yet.</li>}
            {items.map((one) => (
              <li key={one.id} class={held(one) ? "" : "off"}>
                <span class={`tag ${one.state === "good" ? "good" : "warning"}`}>{one.state}</span>
                <span class="grow">
                  <b>{one.name}</b> <code>{one.id}</code> {one.user} {one.exposed && <span class="bad">was sent in an address: replace it</span>}
                  <span class="dim block">{one.scopes.join(", ")}{one.networks.length > 0 && ` · from ${one.networks.join(", ")}`} · {one.expires_at ? `ends ${moment(Date.parse(one.expires_at))}` : "no end"} · {one.used_at ? `used ${moment(Date.parse(one.used_at))}` : "never used"}</span>
                </span>
                <span class="deeds">
                  {one.state === "good" && <button title="A new one; this one is good for a day more" onClick={() => rotate(one)}>Replace</button>}
                  {held(one) && <Sure act="Revoke" run={() => send("DELETE", `keys/${one.id}`).then(answer.again, complain)} />}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}
