// A market's past for a chart: its series and the volume below it, in one question.
import { ApiError, get, query } from "../lib/api.ts";
import { slug } from "../lib/market.ts";
import type { Records, RecordsOfSeveral } from "./contract.ts";

export const RANGES = { "1h": 3_600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000, "1y": 31_536_000 } as const;
export type Range = keyof typeof RANGES;
const POINTS = 1_500;

/** Counts the points that a range could show until a slot: with the next one it is asked for again. */
export const pointOf = (range: Range, slot: string | null): number =>
  slot === null ? 0 : Math.floor(Date.parse(slot) / 1000 / (RANGES[range] / POINTS));

/** Where another venue of a fail-over begins, in seconds, and which. */
export interface Seam {
  at: number;
  source: string;
}

export interface History {
  /** Seconds since the epoch, as the chart takes them. */
  times: number[];
  values: (number | null)[];
  volumes: (number | null)[];
  /** Why a slot is what it is: "outage", "carried". */
  marks: string[];
  seams: Seam[];
  step: string;
  interval: string;
  unit: string;
  /** Share of the time that values cover: a coarse candle's covers all of its span. */
  coverage: number;
}

/** Throws ApiError. */
export async function history(market: string, metric: string, range: Range, signal?: AbortSignal): Promise<History> {
  const ask = (ids: string[]) =>
    get<RecordsOfSeveral>(`metrics/records?${query({ ids: ids.join(","), from: `-${RANGES[range]}s`, points: POINTS, limit: 10_000 })}`, signal);
  const main = slug(market, metric);
  const volume = slug(market, "traded_quote");
  const traded = metric !== "traded_quote" && !market.startsWith("DERIVED:"); // a formula trades nothing
  if (!traded) return joined((await ask([main])).items[0]!, null);
  try {
    const { items } = await ask([main, volume]);
    return joined(items[0]!, items[1] ?? null);
  } catch (error) {
    if (!(error instanceof ApiError && [404, 422].includes(error.status))) throw error;
    return joined((await ask([main])).items[0]!, null); // its volume is not tracked
  }
}

function joined(main: Records, volume: Records | null): History {
  const volumes = new Map(volume?.items.map((one) => [one.time, one.value]));
  const values = main.items.map((one) => one.value);
  const lasts = main.items.map((one) => secondsOf(one.span ?? main.step));
  const all = lasts.reduce((sum, lasting) => sum + lasting, 0);
  const known = lasts.reduce((sum, lasting, at) => sum + (values[at] === null ? 0 : lasting), 0);
  return {
    times: main.items.map((one) => Date.parse(one.time) / 1000),
    values,
    volumes: main.items.map((one) => volumes.get(one.time) ?? null),
    marks: main.items.map((one) => (one.marks ?? []).join(", ")),
    seams: main.items.filter((one) => one.marks?.includes("seam")).map((one) => ({ at: Date.parse(one.time) / 1000, source: (one.source ?? "").split(":")[0]! })),
    step: main.step,
    interval: main.interval,
    unit: main.unit,
    coverage: all ? known / all : 0,
  };
}

/** Of a span as the API writes it: `90s`, `5m`, `1h`, `1d`. */
const secondsOf = (span: string): number => Number.parseFloat(span) * { s: 1, m: 60, h: 3_600, d: 86_400 }[span.at(-1)!]!;
