// Users, for admins: who may log in, and as what. Nobody is removed; who is to be gone is disabled.
import { useState } from "preact/hooks";
import type { Role, ShownUser, UsersPage } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { inside } from "../lib/place.ts";
import { moment } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { Form, Opened, Sure, texts, type FieldOf, type Given } from "./form.tsx";
import { toast } from "./toasts.tsx";

const ROLES: Role[] = ["reader", "editor", "admin"];
const PASSWORD: FieldOf = { name: "password", label: "Password", type: "password", required: true };
const FIELDS: FieldOf[] = [{ name: "name", label: "Name", required: true }, { name: "role", label: "Role", among: ROLES, value: "reader" }, PASSWORD];

export function Users() {
  const answer = useAnswer<UsersPage>("users?limit=200");
  const { guarded } = useCell(session);
  const add = (close: () => void) => async (given: Given) => {
    await send("POST", "users", { name: texts(given, "name"), role: given.role, password: String(given.password) });
    answer.again();
    close();
  };
  return (
    <section class="box">
      <h2>Users</h2>
      {guarded ? (
        <Opened name="New user">{(close) => <Form name="New user" act="Make" fields={FIELDS} submit={add(close)} close={close} />}</Opened>
      ) : (
        <p class="dim">There is no user yet, and on this machine nobody needs one. The first is an admin: <a class="open" href={inside("set-up")} onClick={follow}>make it</a> with the token that the program printed.</p>
      )}
      <Answered of={answer}>{({ items }) => <ul class="list">{items.map((one) => <UserLine key={one.name} user={one} changed={answer.again} />)}</ul>}</Answered>
    </section>
  );
}

function UserLine({ user, changed }: { user: ShownUser; changed: () => void }) {
  const [sets, setSets] = useState(false);
  const path = `users/${encodeURIComponent(user.name)}`;
  const change = (body: object) => send("PATCH", path, body).then(changed, (error) => (complain(error), changed()));
  const set = async (given: Given) => {
    await send("PUT", `${path}/password`, { password: String(given.password) });
    toast({ title: `${user.name} has another password`, text: "Every session of theirs has ended.", tone: "good" });
    setSets(false);
  };
  return (
    <li class={user.disabled ? "off" : ""}>
      <span class={`tag ${user.disabled ? "warning" : "good"}`}>{user.disabled ? "disabled" : user.role}</span>
      <span class="grow"><b>{user.name}</b> <span class="dim">since {moment(Date.parse(user.made_at))}</span></span>
      <span class="deeds">
        <select aria-label={`Role of ${user.name}`} value={user.role} onChange={(event) => void change({ role: event.currentTarget.value })}>{ROLES.map((one) => <option key={one} value={one}>{one}</option>)}</select>
        <button aria-expanded={sets} onClick={() => setSets(!sets)}>Set password</button>
        {user.disabled ? <button onClick={() => void change({ disabled: false })}>Enable</button> : <Sure act="Disable" run={() => change({ disabled: true })} />}
      </span>
      {sets && <Form name={`Password of ${user.name}`} act="Set" fields={[PASSWORD]} submit={set} close={() => setSets(false)} />}
    </li>
  );
}
