// Channels: where alerts go. What was written about one is never read back, so it is changed whole.
import { useState } from "preact/hooks";
import type { ChannelsPage, ServicesPage, ShownChannel, ShownService, Tested } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { ApiError, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { Form, Opened, Sure, texts, Why, type FieldOf, type Given } from "./form.tsx";
import { toast } from "./toasts.tsx";

const path = (name: string): string => `channels/${encodeURIComponent(name)}`;

async function test(name: string): Promise<void> {
  try {
    const { delivered, detail } = await send<Tested>("POST", `${path(name)}/test`);
    toast({ title: delivered ? `Delivered by ${name}` : `${name} failed`, text: detail, tone: delivered ? "good" : "bad" });
  } catch (error) {
    complain(error as ApiError);
  }
}

export function Channels() {
  const answer = useAnswer<ChannelsPage>("channels");
  const services = useAnswer<ServicesPage>("services");
  const { scopes } = useCell(session);
  const may = scopes.includes("write:channels");
  const known = services.body?.items ?? [];
  return (
    <section class="box">
      <h2>Channels</h2>
      <Why scope="write:channels" not="change channels" />
      {may && known.length > 0 && <Opened name="New channel">{(close) => <ChannelForm services={known} close={close} changed={answer.again} />}</Opened>}
      <Answered of={answer}>
        {({ items }) => (
          <ul class="list">
            {items.length === 0 && <li class="dim">None yet: alerts come to the inbox.</li>}
            {items.map((one) => <ChannelLine key={one.name} channel={one} services={known} may={may} changed={answer.again} />)}
          </ul>
        )}
      </Answered>
    </section>
  );
}

function ChannelLine({ channel, services, may, changed }: { channel: ShownChannel; services: readonly ShownService[]; may: boolean; changed: () => void }) {
  const [edits, setEdits] = useState(false);
  const { name, service, address, state, reason, origin, etag } = channel;
  const ours = origin === "api";
  return (
    <li>
      <span class={`tag ${state === "ready" ? "good" : "warning"}`}>{state}</span>
      <span class="grow"><b>{name}</b> {service} <span class="dim block">{address} {reason} {ours ? "" : "· of the configuration file"}</span></span>
      {may && (
        <span class="deeds">
          <button onClick={() => void test(name)}>Send test</button>
          {state === "disabled" && <button onClick={() => send("POST", `${path(name)}/enable`).then(changed, complain)}>Enable</button>}
          {ours && <button aria-expanded={edits} onClick={() => setEdits(!edits)}>Edit</button>}
          {ours && <Sure act="Delete" run={() => send("DELETE", path(name), undefined, etag).then(changed, complain)} />}
        </span>
      )}
      {edits && <ChannelForm channel={channel} services={services} close={() => setEdits(false)} changed={changed} />}
    </li>
  );
}

/** channel: one that is changed; without, a new one. */
function ChannelForm({ channel, services, close, changed }: { channel?: ShownChannel; services: readonly ShownService[]; close: () => void; changed: () => void }) {
  const [chosen, setChosen] = useState(channel?.service ?? services[0]!.name);
  const service = services.find((one) => one.name === chosen) ?? services[0]!;
  const fields: FieldOf[] = [
    ...(channel ? [] : [{ name: "name", label: "Name", required: true, hint: "small letters, digits, _ and -" }]),
    { name: "service", label: "Service", among: services.map((one) => one.name), value: chosen },
    ...service.settings.map(({ name, meaning, required, secret, default: first }): FieldOf => ({
      name, label: name.replaceAll("_", " "), required, hint: first ? `${meaning} Else ${first}.` : meaning, more: !required, ...(secret ? { type: "password" } : {}),
    })),
  ];
  const submit = async (given: Given) => {
    const filled = service.settings.filter(({ name }) => texts(given, name) !== "");
    const settings = Object.fromEntries(filled.map(({ name }) => [name, name === "per_minute" ? Number(given[name]) : texts(given, name)]));
    const made = channel
      ? await send<ShownChannel>("PUT", path(channel.name), { service: chosen, settings }, channel.etag)
      : await send<ShownChannel>("POST", "channels", { name: texts(given, "name"), service: chosen, settings });
    toast({ title: `The channel ${made.name} is ${channel ? "changed" : "made"}`, text: made.address, tone: "good" });
    changed();
    close();
  };
  return (
    <Form
      name={channel ? `Edit ${channel.name}` : "New channel"} act={channel ? "Save" : "Make"} fields={fields} submit={submit} close={close} newer={changed}
      typed={(given) => setChosen(texts(given, "service"))}
    >
      {channel && <p class="dim">What was written about it is not shown again: write all of it anew.</p>}
    </Form>
  );
}
