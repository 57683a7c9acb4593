// Settings: how the page looks (kept in this browser), where alerts go, and who may what (kept by
// the server).
import type { ComponentChildren } from "preact";
import { refresh, session } from "../data/session.ts";
import { send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { inside } from "../lib/place.ts";
import { change, DENSITIES, PALETTES, settings, THEMES, ZONES, type Settings as Kept } from "../lib/settings.ts";
import { zoneName } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { Audit } from "../ui/audit.tsx";
import { Channels } from "../ui/channels.tsx";
import { complain } from "../ui/episodes.tsx";
import { Form, Opened, type Given } from "../ui/form.tsx";
import { Keys } from "../ui/keys.tsx";
import { Shell } from "../ui/shell.tsx";
import { Subscriptions } from "../ui/subscriptions.tsx";
import { Tabs, useTab } from "../ui/tabs.tsx";
import { toast } from "../ui/toasts.tsx";
import { Users } from "../ui/users.tsx";

const WORDS: Record<string, string> = { safe: "blue and orange", east: "red is up", browser: "here", system: "as the system" };

const PARTS = { you: Here, channels: Channels, mail: Subscriptions, keys: Keys };
const FOR_ADMINS = { users: Users, log: Audit };

export function Settings() {
  const { scopes } = useCell(session);
  const parts: Record<string, () => ComponentChildren> = scopes.includes("admin") ? { ...PARTS, ...FOR_ADMINS } : PARTS;
  const here = useTab(Object.keys(parts));
  const Shown = parts[here]!;
  return (
    <Shell>
      <div class="page narrow">
        <div class="page-head"><h1>Settings</h1><Tabs names={Object.keys(parts)} here={here} /></div>
        <Shown key={here} />
      </div>
    </Shell>
  );
}

function Here() {
  const kept = useCell(settings);
  return (
    <>
        <section class="box">
          <h2>This browser</h2>
          <Choice name="Theme" of="theme" among={THEMES} kept={kept} />
          <Choice name="Up and down" of="palette" among={PALETTES} kept={kept} />
          <Choice name={`Times (${zoneName()})`} of="zone" among={ZONES} kept={kept} />
          <Choice name="Rows" of="density" among={DENSITIES} kept={kept} />
          <label class="check"><input type="checkbox" checked={kept.letters} onChange={(event) => change({ letters: event.currentTarget.checked })} /> Single letters are shortcuts</label>
          <p class="dim">Up looks <span class="up">▲ +2.40%</span>, down <span class="down">▼ −0.88%</span>.</p>
        </section>
        <Who />
        <p class="dim"><a class="open" href={inside("about")} onClick={follow}>About, and licences</a></p>
    </>
  );
}

function Choice<K extends "theme" | "palette" | "zone" | "density">({ name, of, among, kept }: { name: string; of: K; among: readonly Kept[K][]; kept: Kept }) {
  return (
    <fieldset class="choice">
      <legend>{name}</legend>
      {among.map((one) => (
        <label key={one} class={kept[of] === one ? "on" : ""}><input type="radio" name={of} checked={kept[of] === one} onChange={() => change({ [of]: one } as Partial<Kept>)} /> {WORDS[one] ?? one}</label>
      ))}
    </fieldset>
  );
}

const PASSWORDS = [{ name: "current", label: "Current password", type: "password", required: true }, { name: "password", label: "New password", type: "password", required: true }] as const;

function Who() {
  const { kind, name, role, guarded } = useCell(session);
  const leave = (everywhere: boolean) => send("DELETE", `session${everywhere ? "?everywhere=true" : ""}`).then(() => refresh(), complain);
  const change = (close: () => void) => async ({ current, password }: Given) => {
    await send("PUT", "session/password", { current, password });
    toast({ title: "Your password is another one", text: "Your other sessions have ended.", tone: "good" });
    close();
  };
  return (
    <section class="box">
      <h2>Who you are <small class="dim">server</small></h2>
      {kind === "user" ? (
        <>
          <p><b>{name}</b>, {role}</p>
          <p class="deeds"><button onClick={() => void leave(false)}>Sign out</button><button onClick={() => void leave(true)}>Sign out everywhere</button></p>
          <Opened name="Change password">{(close) => <Form name="Change password" act="Change" fields={PASSWORDS} submit={change(close)} close={close} />}</Opened>
        </>
      ) : (
        <p class="dim">{kind === "local" ? "On this machine nobody needs to sign in, until there is a first user." : "You are not signed in."} {guarded && <a class="open" href={inside("sign-in")} onClick={follow}>Sign in</a>}</p>
      )}
    </section>
  );
}
