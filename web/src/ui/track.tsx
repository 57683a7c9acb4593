// Markets that are tracked from now on, with what that costs, and no more.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Index, LoadForecast, Markets, ShownPattern, Tracked } from "../data/contract.ts";
import { ApiError, get, query, send } from "../lib/api.ts";
import { age, compact, plural } from "../lib/format.ts";
import { Form, listed, texts, type FieldOf, type Given } from "./form.tsx";
import { toast } from "./toasts.tsx";

const SOON_MS = 400;
const FOUND = 20;

const bodyOf = (given: Given) => ({ market: texts(given, "market"), metrics: listed(given, "metrics"), every: texts(given, "every") || null });

/** market: the one it is about; without, any that some venue lists. */
export function TrackForm({ market = "", close, changed }: { market?: string; close: () => void; changed: () => void }) {
  const [asked, setAsked] = useState({ market, metrics: ["price"], every: null as string | null });
  const [found, setFound] = useState<string[]>([]);
  const [metrics, setMetrics] = useState<string[]>([]);
  useEffect(() => {
    get<Index>("").then((index) => setMetrics(index.metrics.map((one) => one.name).filter((one) => one !== "formula")), () => undefined);
  }, []);
  useEffect(() => {
    const soon = setTimeout(() => {
      if (market || asked.market.length < 2) return;
      get<Markets>(`markets?${query({ q: asked.market.split(":").at(-1), limit: FOUND })}`).then(({ items }) => setFound(items.map((one) => one.name)), () => undefined);
    }, SOON_MS);
    return () => clearTimeout(soon);
  }, [asked.market]);
  const fields: FieldOf[] = [
    { name: "market", label: "Market", value: market, suggest: found, hint: "VENUE:BASE/QUOTE, as KRAKEN:SOL/EUR; or a pattern, as kraken:*/EUR top 50 by volume_24h_quote", required: true },
    { name: "metrics", label: "Metrics", value: "price", suggest: metrics, hint: `by comma, of ${metrics.join(", ")}`, required: true },
    { name: "every", label: "Width of a slot", suggest: ["1m", "10s", "5m"], hint: "1s to 1h; empty: as configured" },
  ];
  const submit = async (given: Given) => {
    const { market: pattern, metrics, every } = bodyOf(given);
    if (pattern.includes("*")) {
      const made = await send<ShownPattern>("POST", "patterns", { pattern, metrics, every });
      toast({ title: `${plural(made.markets.length, "market")} followed from now on`, text: made.pattern, tone: "good" });
      changed();
      return close();
    }
    const { items } = await send<Tracked>("POST", "metrics", bodyOf(given));
    const made = items.filter((one) => one.created).map((one) => one.name);
    toast({ title: made.length ? "Tracked from now on" : "It is tracked already", text: (made.length ? made : items.map((one) => one.name)).join(", "), tone: "good" });
    changed();
    close();
  };
  return (
    <Form name="Track a market" act="Track" fields={fields} submit={submit} close={close} typed={(given) => setAsked(bodyOf(given))}>
      <Cost asked={asked} />
    </Form>
  );
}

/** What it would cost, asked while it is typed. */
function Cost({ asked }: { asked: ReturnType<typeof bodyOf> }) {
  const [told, setTold] = useState<{ forecast: LoadForecast | null; error: ApiError | null }>({ forecast: null, error: null });
  const latest = useRef("");
  const question = JSON.stringify(asked);
  useEffect(() => {
    latest.current = question;
    if (!asked.market.includes("/") || asked.market.includes("*")) return setTold({ forecast: null, error: null });
    const keep = (next: typeof told) => latest.current === question && setTold(next);
    const ask = () => send<LoadForecast>("POST", "metrics/forecast", asked).then((forecast) => keep({ forecast, error: null }), (error) => keep({ forecast: null, error }));
    const soon = setTimeout(ask, SOON_MS);
    return () => clearTimeout(soon);
  }, [question]);
  if (told.error) return <p class="dim">{told.error.message}</p>;
  if (!told.forecast) return null;
  const { market, new_count, budget_pct, budget_pct_before, backfill_s, memory_bytes, disk_bytes_per_day, problems } = told.forecast;
  return (
    <div role="status">
      <p>
        <b>{plural(new_count, "new series", "new series")}</b> · {budget_pct}% of what {market.split(":")[0]} may be asked (now {budget_pct_before}%) · its last day is filled in about {age(Math.max(1, backfill_s))} ·{" "}
        {compact(memory_bytes)} bytes of memory, {compact(disk_bytes_per_day)} a day on disk
      </p>
      {problems.map((one) => <p key={one} class="warn">{one}</p>)}
    </div>
  );
}
