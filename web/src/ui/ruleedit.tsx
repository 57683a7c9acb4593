// A rule with everything it can say, to be changed or made from another one. While it is typed the
// server plays it over the last day.
import { useState } from "preact/hooks";
import type { RuleBody, ShownRule } from "../data/contract.ts";
import { get, send } from "../lib/api.ts";
import { Form, lines, listed, texts, type FieldOf, type Given } from "./form.tsx";
import { ReplayLine, usePreview } from "./ruleform.tsx";
import { toast } from "./toasts.tsx";

const SPAN = "a span as 5m, 0s for none";

function fieldsOf(rule: ShownRule, name: string | null): FieldOf[] {
  const more = true;
  return [
    ...(name === null ? [] : [{ name: "name", label: "Name", value: name, required: true }]),
    { name: "condition", label: "When", value: rule.condition, required: true },
    { name: "target", label: "Of what", value: rule.target.join(", "), hint: "markets or patterns, by comma", required: true },
    { name: "severity", label: "Severity", among: ["info", "warning", "critical"], value: rule.severity },
    { name: "cooldown", label: "At most every", value: rule.cooldown, hint: SPAN },
    { name: "channels", label: "Tells", value: rule.channels.join(", "), hint: "channels, by comma; none: as its severity is routed" },
    { name: "note", label: "Words for every message", value: rule.note },
    { name: "clear", label: "Over when", value: rule.clear ?? "", hint: `empty: ${rule.clears_when}`, more },
    { name: "clear_for", label: "Over for", value: rule.clear_for, hint: SPAN, more },
    { name: "reminder", label: "Said again every", value: rule.reminder, hint: SPAN, more },
    { name: "no_data", label: "Missing data", among: ["keep", "alert", "ok"], value: rule.no_data, more },
    { name: "no_data_for", label: "Missing for", value: rule.no_data_for, hint: SPAN, more },
    { name: "mute", label: "Nobody is told", type: "lines", value: rule.mute.join("\n"), hint: "one a line, as mon,tue 22:00-07:00 Europe/Berlin", more },
    { name: "max_triggers", label: "Episodes at most", type: "number", value: String(rule.max_triggers ?? ""), hint: "of a series; empty: any number", more },
    { name: "valid_until", label: "Judged until", value: rule.valid_until ?? "", hint: "RFC 3339; empty: for ever", more },
    { name: "on", label: "Judged", among: ["slot", "reading"], value: rule.on, more },
    { name: "notify_resolved", label: "The end is told", type: "check", value: rule.notify_resolved, more },
  ];
}

function bodyOf(given: Given, rule: ShownRule): RuleBody {
  const most = texts(given, "max_triggers");
  return {
    condition: texts(given, "condition"), target: listed(given, "target"), channels: listed(given, "channels"), mute: lines(given, "mute"),
    cooldown: texts(given, "cooldown"), reminder: texts(given, "reminder"), clear_for: texts(given, "clear_for"), no_data_for: texts(given, "no_data_for"),
    clear: texts(given, "clear") || null, valid_until: texts(given, "valid_until") || null, max_triggers: most === "" ? null : Number(most),
    severity: given.severity as ShownRule["severity"], no_data: given.no_data as ShownRule["no_data"], on: given.on as ShownRule["on"],
    notify_resolved: given.notify_resolved === true, note: texts(given, "note"), enabled: rule.enabled,
  };
}

/** name: of a rule to be made from this one; null to change it. */
export function RuleEdit({ rule: given, name = null, close, changed }: { rule: ShownRule; name?: string | null; close: () => void; changed: () => void }) {
  const [rule, setRule] = useState(given);
  const [asked, setAsked] = useState({ condition: rule.condition, target: [...rule.target], cooldown: rule.cooldown });
  const { preview, error } = usePreview(asked, () => undefined);
  const path = (one: string) => `rules/${encodeURIComponent(one)}`;
  const submit = async (values: Given) => {
    const made = name === null
      ? await send<ShownRule>("PUT", path(rule.name), bodyOf(values, rule), rule.etag)
      : await send<ShownRule>("PUT", path(texts(values, "name")), bodyOf(values, rule));
    toast({ title: name === null ? `${made.name} is changed` : `${made.name} is made`, text: made.condition, tone: "good" });
    changed();
    close();
  };
  return (
    <Form
      key={rule.etag} name={name === null ? `Edit ${rule.name}` : `A rule like ${rule.name}`} act={name === null ? "Save" : "Make"} fields={fieldsOf(rule, name)}
      submit={submit} close={close} newer={() => void get<ShownRule>(path(rule.name)).then(setRule)}
      typed={(values) => setAsked({ condition: texts(values, "condition"), target: listed(values, "target"), cooldown: texts(values, "cooldown") })}
    >
      {error ? <p class="dim">{error.message}</p> : <ReplayLine preview={preview} />}
    </Form>
  );
}

