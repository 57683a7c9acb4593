// A rule, made as a sentence or as its one line of text. While it is typed or dragged the server
// plays it over the last day, by the same code as live; one question is under way at a time.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChannelsPage, ShownPreview, ShownRule, Tested } from "../data/contract.ts";
import { nameOf, sentenceOf, SHAPES, written, type Kind } from "../data/sentence.ts";
import { session } from "../data/session.ts";
import { ApiError, get, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { plural } from "../lib/format.ts";
import { clockTime } from "../lib/time.ts";
import { toast } from "./toasts.tsx";
import { Typed } from "./typed.tsx";

const COOLDOWNS = ["0s", "5m", "15m", "30m", "1h", "4h", "24h"];
const SPANS = ["0s", "1m", "2m", "5m", "15m", "30m"];
const SOON_MS = 150;
const word = (span: string): string => span.replace("0s", "0 min").replace(/m$/, " min").replace("h", " h");

export interface RuleFormProps {
  /** What it is about: a market's public name, or a pattern. */
  target: string;
  metric: string;
  /** The newest value; NaN for none. */
  latest: () => number;
  condition: string;
  setCondition: (condition: string) => void;
  setMarks: (times: number[]) => void;
  heading?: string;
}

export function RuleForm({ target, metric, latest, condition, setCondition, setMarks, heading = "New alert" }: RuleFormProps) {
  const [cooldown, setCooldown] = useState("30m");
  const [span, setSpan] = useState("0s");
  const [asText, setAsText] = useState(false);
  const [failure, setFailure] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const { scopes } = useCell(session);
  const whole = span === "0s" ? condition : `${condition} for ${span}`;
  // A condition that begins with a metric says itself which of a market's series it is about.
  const says = /^[a-z_0-9]+\s*[[<>=!]/.test(condition) || target.split(":").length > 2;
  const targets = [says ? target : `${target}:${metric}`];
  const rule = { condition: whole, target: targets, cooldown };
  const { preview, error } = usePreview(rule, setMarks);
  const told = failure ?? error;
  const may = scopes.includes("write:rules");

  const create = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const made = await put(nameOf(target, condition), rule);
      setFailure(null);
      toast({ title: `Alert created: ${made.name}`, text: made.condition, tone: "good" });
    } catch (caught) {
      setFailure(caught as ApiError);
    }
    setBusy(false);
  };
  return (
    <form class="rule-form panel-2" onSubmit={create} onKeyDown={entered}>
      <div class="form-head">
        <h3>{heading}</h3>
        <button type="button" class="link" aria-pressed={asText} onClick={() => setAsText(!asText)}>{asText ? "As a sentence" : "As text"}</button>
      </div>
      {asText && <label class="whole">When <input class="mono" value={condition} aria-invalid={told !== null} spellcheck={false} onInput={(event) => setCondition(event.currentTarget.value)} /></label>}
      <p class="sentence">
        {!asText && <SentenceFields condition={condition} setCondition={setCondition} latest={latest} />}{" "}
        <span class="part">for <Choice name="For" value={span} among={SPANS} set={setSpan} /> ·</span>{" "}
        <span class="part">at most every <Choice name="At most every" value={cooldown} among={COOLDOWNS} set={setCooldown} /></span>
      </p>
      {told ? <p class="bad" role="alert">{told.about("condition") ?? told.message}</p> : <ReplayLine preview={preview} />}
      {may ? (
        <p class="actions">
          <button class="primary" disabled={busy || error !== null}>Create alert</button>
          <SendTest />
        </p>
      ) : (
        <p class="dim">You may look, not make rules: that takes the scope write:rules.</p>
      )}
    </form>
  );
}

/** Enter in a field enters what was typed, and goes on to the button: nobody makes an alert by it
 * before its replay is seen. Entered there it is pressed, but not by a key that is still held. */
function entered(event: KeyboardEvent): void {
  if (event.key !== "Enter") return;
  const field = event.target;
  if (!(field instanceof HTMLInputElement) && !event.repeat) return;
  event.preventDefault();
  if (event.repeat || !(field instanceof HTMLInputElement)) return;
  field.blur();
  (field.form?.querySelector<HTMLElement>("button.primary:enabled") ?? field).focus();
}

/** Make the rule; where the name is taken, under the next free one. */
async function put(name: string, rule: object): Promise<ShownRule> {
  for (let number = 1; ; number++) {
    const tried = number === 1 ? name : `${name}-${number}`;
    try {
      return await send<ShownRule>("PUT", `rules/${tried}`, rule);
    } catch (error) {
      const taken = error instanceof ApiError && [403, 404, 409, 428].includes(error.status);
      if (!taken || number >= 9) throw error;
    }
  }
}

function SentenceFields({ condition, setCondition, latest }: Pick<RuleFormProps, "condition" | "setCondition" | "latest">) {
  const found = sentenceOf(condition);
  if (!found) return <>When <code>{condition}</code> · </>;
  const pick = (kind: Kind) => {
    const keeps = SHAPES[kind].line && SHAPES[found.kind].line;
    setCondition(written({ kind, value: keeps ? found.value : SHAPES[kind].first(latest()) }));
  };
  return (
    <span>
      When{" "}
      <select aria-label="Condition" value={found.kind} onChange={(event) => pick(event.currentTarget.value as Kind)}>
        {(Object.keys(SHAPES) as Kind[]).map((kind) => <option key={kind} value={kind}>{SHAPES[kind].label}</option>)}
      </select>{" "}
      <Typed
        class="value" label="Value" value={String(found.value)} numeric
        set={(text) => {
          const value = Number(text.replaceAll(",", ""));
          if (Number.isFinite(value)) setCondition(written({ ...found, value }));
        }}
      />
      {SHAPES[found.kind].unit && ` ${SHAPES[found.kind].unit}`} ·
    </span>
  );
}

function Choice({ name, value, among, set }: { name: string; value: string; among: string[]; set: (value: string) => void }) {
  return (
    <select aria-label={name} value={value} onChange={(event) => set(event.currentTarget.value)}>
      {among.map((one) => <option key={one} value={one}>{word(one)}</option>)}
    </select>
  );
}

export function ReplayLine({ preview }: { preview: ShownPreview | null }) {
  if (!preview) return <p class="replay dim">Playing it over the last 24 h …</p>;
  const last = preview.episodes.map((one) => Date.parse(one.opened_at)).sort((a, b) => a - b).at(-1);
  const fewer = preview.episodes.reduce((sum, one) => sum + one.reopened, 0);
  return (
    <p class="replay" role="status">
      Would have fired <b class={preview.episodes_count ? "warn" : ""}>{plural(preview.episodes_count, "time")}</b> in the last 24 h
      {last ? ` · last at ${clockTime(last)}` : ""}
      {fewer ? ` · ${fewer} suppressed by cool-down` : ""}
      {preview.series_count > 1 ? ` · ${plural(preview.series_count, "market")}, ${plural(Math.round(preview.notices_a_day), "message")} a day` : ""}
    </p>
  );
}

interface Asked {
  condition: string;
  target: string[];
  cooldown: string;
}

export function usePreview(rule: Asked, setMarks: (times: number[]) => void): { preview: ShownPreview | null; error: ApiError | null } {
  const [told, setTold] = useState<{ preview: ShownPreview | null; error: ApiError | null }>({ preview: null, error: null });
  const underWay = useRef(false);
  const wanted = useRef("");
  const alive = useRef(true);
  const asked = JSON.stringify({ ...rule, over: "24h" });
  const ask = async () => {
    if (underWay.current) return;
    underWay.current = true;
    const body = wanted.current;
    try {
      const preview = await send<ShownPreview>("POST", "rules/preview", JSON.parse(body));
      if (alive.current) {
        setTold({ preview, error: null });
        setMarks(preview.episodes.map((one) => Date.parse(one.opened_at) / 1000));
      }
    } catch (caught) {
      if (alive.current) setTold({ preview: null, error: caught as ApiError });
    }
    underWay.current = false;
    if (alive.current && wanted.current !== body) void ask();
  };
  useEffect(() => {
    wanted.current = asked;
    const soon = setTimeout(ask, SOON_MS);
    return () => clearTimeout(soon);
  }, [asked]);
  useEffect(() => () => void (alive.current = false), []);
  return told;
}

/** Tries every channel that there is. */
function SendTest() {
  const [names, setNames] = useState<string[] | null>(null);
  useEffect(() => {
    get<ChannelsPage>("channels").then((page) => setNames(page.items.map((one) => one.name)), () => setNames([]));
  }, []);
  const test = async () => {
    for (const name of names ?? []) {
      try {
        const { delivered, detail } = await send<Tested>("POST", `channels/${encodeURIComponent(name)}/test`);
        toast({ title: delivered ? `Test delivered by ${name}` : `Test by ${name} failed`, text: detail, tone: delivered ? "good" : "bad" });
      } catch (error) {
        toast({ title: `Test by ${name} failed`, text: (error as ApiError).message, tone: "bad" });
      }
    }
  };
  const none = names?.length === 0;
  return <button type="button" disabled={!names || none} title={none ? "No channel yet: alerts come to the inbox" : "To every channel"} onClick={test}>Send test</button>;
}
