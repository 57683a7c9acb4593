// Settings: how the page looks (kept in this browser), and where alerts go (kept by the server).
import type { ChannelsPage, Tested } from "../data/contract.ts";
import { refresh, session } from "../data/session.ts";
import { ApiError, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { inside } from "../lib/place.ts";
import { change, DENSITIES, PALETTES, settings, THEMES, ZONES, type Settings as Kept } from "../lib/settings.ts";
import { zoneName } from "../lib/time.ts";
import { follow } from "../lib/url.ts";
import { complain } from "../ui/episodes.tsx";
import { Shell } from "../ui/shell.tsx";
import { toast } from "../ui/toasts.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";

const WORDS: Record<string, string> = { safe: "blue and orange", east: "red is up", browser: "here", system: "as the system" };

export function Settings() {
  const kept = useCell(settings);
  return (
    <Shell>
      <div class="page narrow">
        <h1>Settings</h1>
        <section class="box">
          <h2>This browser</h2>
          <Choice name="Theme" of="theme" among={THEMES} kept={kept} />
          <Choice name="Up and down" of="palette" among={PALETTES} kept={kept} />
          <Choice name={`Times (${zoneName()})`} of="zone" among={ZONES} kept={kept} />
          <Choice name="Rows" of="density" among={DENSITIES} kept={kept} />
          <label class="check"><input type="checkbox" checked={kept.letters} onChange={(event) => change({ letters: event.currentTarget.checked })} /> Single letters are shortcuts</label>
          <p class="dim">Up looks <span class="up">▲ +2.40%</span>, down <span class="down">▼ −0.88%</span>.</p>
        </section>
        <Channels />
        <Who />
        <p class="dim"><a class="open" href={inside("about")} onClick={follow}>About, and licences</a></p>
      </div>
    </Shell>
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

function Channels() {
  const answer = useAnswer<ChannelsPage>("channels");
  const test = async (name: string) => {
    try {
      const { delivered, detail } = await send<Tested>("POST", `channels/${encodeURIComponent(name)}/test`);
      toast({ title: delivered ? `Delivered by ${name}` : `${name} failed`, text: detail, tone: delivered ? "good" : "bad" });
    } catch (error) {
      complain(error as ApiError);
    }
  };
  return (
    <section class="box">
      <h2>Channels <small class="dim">server</small></h2>
      <Answered of={answer}>
        {({ items }) => (
          <ul class="list">
            {items.length === 0 && <li class="dim">None yet: alerts come to the inbox. Add one: sigmawatch channels add, or in the configuration file.</li>}
            {items.map((one) => (
              <li key={one.name}>
                <span class={`tag ${one.state === "on" || one.state === "enabled" ? "good" : "warning"}`}>{one.state}</span>
                <span class="grow"><b>{one.name}</b> {one.service} <span class="dim block">{one.address} {one.reason}</span></span>
                <button onClick={() => void test(one.name)}>Send test</button>
              </li>
            ))}
          </ul>
        )}
      </Answered>
    </section>
  );
}

function Who() {
  const { kind, name, role, guarded } = useCell(session);
  const leave = () => send("DELETE", "session").then(() => refresh(), complain);
  return (
    <section class="box">
      <h2>Who you are <small class="dim">server</small></h2>
      {kind === "user" ? (
        <p><b>{name}</b>, {role} <button onClick={leave}>Sign out</button></p>
      ) : (
        <p class="dim">{kind === "local" ? "On this machine nobody needs to sign in, until there is a first user." : "You are not signed in."} {guarded && <a class="open" href={inside("sign-in")} onClick={follow}>Sign in</a>}</p>
      )}
    </section>
  );
}
