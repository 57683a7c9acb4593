// Markets that are tracked from now on, with what that costs, and no more.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Index, LoadForecast, Markets, ShownPattern, Tracked } from "../data/contract.ts";
import { ApiError, get, query, send } from "../lib/api.ts";
import { age, compact, plural } from "../lib/format.ts";
import { Form, listed, texts, type FieldOf, type Given } from "./form.tsx";
import { toast } from "./toasts.tsx";

const SOON_MS = 400;
const FOUND = 20;

const widths = (given: Given) => Object.fromEntries(listed(given, "intervals").map((one) => one.split("=").map((part) => part.trim()) as [string, string]));
const bodyOf = (given: Given) => ({ market: texts(given, "market"), metrics: listed(given, "metrics"), every: texts(given, "every") || null, intervals: widths(given) });

/** market: the one it is about; without, any that some venue lists. */
export function TrackForm({ market = "", close, changed }: { market?: string; close: () => void; changed: () => void }) {
  const [asked, setAsked] = useState<ReturnType<typeof bodyOf>>({ market, metrics: ["price"], every: null, intervals: {} });
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
    { name: "intervals", label: "Widths of single metrics", hint: "by comma, as volume_24h_quote=5m", more: true },
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
  const one = told.forecast;
  if (one.new_count === 0 && one.problems.length === 0) return <p class="dim" role="status">All of that is tracked already.</p>;
  const changes = (now: number, before: number, unit: string) => `${compact(now)}${unit}${now === before ? "" : ` (now ${compact(before)}${unit})`}`;
  return (
    <div role="status">
      <p>
        <b>{plural(one.new_count, "new series", "new series")}</b> · {one.venue} is called {changes(one.requests_per_minute, one.requests_per_minute_before, "")} times a minute, {changes(one.budget_pct, one.budget_pct_before, "%")} of the{" "}
        {compact(one.budget_per_minute)} {one.budget_unit} it allows · {plural(one.backfill_requests, "call")} for its last day, about {age(Math.max(1, one.backfill_s))} · {compact(one.memory_bytes)} bytes of memory, {compact(one.disk_bytes_per_day)} a day on disk
        {one.flow_markets_count > one.flow_markets_max && ` · traded volumes of ${one.flow_markets_max} of ${one.flow_markets_count} markets`}
      </p>
      {one.problems.map((each) => <p key={each} class="warn">{each}</p>)}
    </div>
  );
}
