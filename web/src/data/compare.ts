// Two series in one chart: on one grid of times, and as per cent from where each begins.
import type { History } from "./history.ts";

type Values = readonly (number | null)[];

/** The values of `other` at the times of a chart: the newest that is not older than its own step, so
 * a gap in it stays a gap. Both are in order of time. */
export function alongside(times: readonly number[], other: History): (number | null)[] {
  const step = Math.max(1, ...other.times.slice(1, 3).map((at, place) => at - other.times[place]!));
  let place = -1;
  return times.map((at) => {
    while (place + 1 < other.times.length && other.times[place + 1]! <= at) place++;
    return place >= 0 && at - other.times[place]! < step ? other.values[place]! : null;
  });
}

/** Per cent from the first value that is known and not 0. */
export function perCent(values: Values): (number | null)[] {
  const first = values.find((value) => value);
  return values.map((value) => (value === null || !first ? null : 100 * (value / first - 1)));
}

/** Mean and population σ of what is known; null below two values. */
export function spread(values: Values): { mean: number; sigma: number } | null {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) return null;
  const base = known[0]!; // a quiet series at a high level loses no digits
  const mean = known.reduce((sum, value) => sum + (value - base), 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - base - mean) ** 2, 0);
  return { mean: base + mean, sigma: Math.sqrt(squares / known.length) };
}
