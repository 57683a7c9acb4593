// Numbers and times as people read them, by the table that the Python side reads too
// (src/sigmawatch/app/formats.json). Unknown is a dash, never 0.
import table from "../../../src/sigmawatch/app/formats.json";

type Known = number | null | undefined;
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
export const UNKNOWN = table.unknown;

const makers = new Map<number, Intl.NumberFormat>();
function grouped(value: number, decimals: number): string {
  let maker = makers.get(decimals);
  if (!maker) {
    maker = new Intl.NumberFormat("en", {
      minimumFractionDigits: decimals,
      maximumFractionDigits: decimals,
    });
    makers.set(decimals, maker);
  }
  return maker.format(value);
}

const known = (value: Known): value is number => typeof value === "number" && Number.isFinite(value);
const signed = (value: number, shown: string, plus = "") => (value < 0 ? table.minus : plus) + shown;

/** A level: 67,284.1 · 3.2500 · 0.012319 · 0.0₅4231. */
export function price(value: Known): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  for (const [least, decimals] of table.price.decimals as [number, number][]) {
    if (size >= least) return signed(value, grouped(size, decimals));
  }
  if (size === 0) return "0";
  const zeros = Math.max(0, -Math.floor(Math.log10(size)) - 1);
  if (zeros <= table.price.zeros_max) {
    return signed(value, size.toFixed(zeros + table.price.significant));
  }
  const digits = size.toExponential(table.price.dust_digits - 1).split("e")[0]!.replace(".", "");
  const count = [...String(zeros)].map((digit) => SUBSCRIPTS[Number(digit)]).join("");
  return signed(value, `0.0${count}${digits}`);
}

/** Whether a change is shown as 0.00%, which has no sign. */
export const isZero = (value: number): boolean => Number(Math.abs(value).toFixed(table.percent.decimals)) === 0;

/** A change, always with its sign: +2.40% · −0.88%, and ×11 for what has grown tenfold. */
export function percent(value: Known): string {
  if (!known(value)) return UNKNOWN;
  if (value >= table.percent.factor_from) return `×${grouped(1 + value / 100, 0)}`;
  const shown = `${grouped(Math.abs(value), table.percent.decimals)}%`;
  return isZero(value) ? shown : signed(value, shown, "+");
}

/** An amount: 1.02B · 6.53k · 867. */
export function compact(value: Known): string {
  if (!known(value)) return UNKNOWN;
  const size = Math.abs(value);
  const found = (table.compact.units as [number, string][]).find(([unit]) => size >= unit);
  const [unit, letter] = found ?? [1, ""];
  return signed(value, significant(size / unit, table.compact.significant) + letter);
}

function significant(size: number, digits: number): string {
  const whole = size >= 1 ? String(Math.trunc(size)).length : 1;
  return grouped(size, Math.max(0, digits - whole));
}

/** A ratio as percent without a sign, for deviations: 30.25%. */
export function share(ratio: Known): string {
  if (!known(ratio)) return UNKNOWN;
  const size = Math.abs(ratio) * 100;
  return `${size >= 1000 ? compact(size) : grouped(size, 2)}%`;
}

/** A span: 12 s · 4 min · 1.3 h. */
export function age(seconds: Known): string {
  if (!known(seconds)) return UNKNOWN;
  for (const [below, unit, decimals, name] of table.age as [number | null, number, number, string][]) {
    if (below === null || seconds < below) return `${(seconds / unit).toFixed(decimals)} ${name}`;
  }
  return UNKNOWN;
}

export const count = (value: number): string => grouped(value, 0);
export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;
