// A rule as a sentence: the few kinds that a sentence can say, and back from the rule's one line.
// The line is the rule; a line of any other kind is edited as text.

export type Kind = "crosses" | "above" | "below" | "moves" | "excess" | "surge" | "top";

export interface Sentence {
  kind: Kind;
  value: number;
}

interface Shape {
  label: string;
  unit: string;
  first: (latest: number) => number;
  write: (value: number) => string;
  read: RegExp;
  /** Whether the value is a level that a line on the chart can show. */
  line: boolean;
}

const five = (value: number): number => Number(value.toPrecision(5));
const N = "(-?\\d+(?:\\.\\d+)?(?:e[-+]?\\d+)?)";
const shape = (text: string): RegExp => new RegExp(`^${text.replaceAll("N", N)}$`, "i");

export const SHAPES: Record<Kind, Shape> = {
  crosses: {
    label: "price crosses", unit: "", line: true, first: (latest) => five(latest * 1.02),
    write: (value) => `crosses_above(${plain(value)}) or crosses_below(${plain(value)})`,
    read: shape("crosses_above\\(N\\) or crosses_below\\(\\1\\)"),
  },
  above: {
    label: "price rises above", unit: "", line: true, first: (latest) => five(latest * 1.02),
    write: (value) => `price > ${plain(value)}`, read: shape("price > N"),
  },
  below: {
    label: "price falls below", unit: "", line: true, first: (latest) => five(latest * 0.98),
    write: (value) => `price < ${plain(value)}`, read: shape("price < N"),
  },
  moves: {
    label: "price moves in 1 h by", unit: "%", line: false, first: () => 3,
    write: (value) => `abs(change_pct(1h)) > ${plain(value)}`, read: shape("abs\\(change_pct\\(1h\\)\\) > N"),
  },
  excess: {
    label: "moves beyond the market by", unit: "% in 1 h", line: false, first: () => 3,
    write: (value) => `abs(excess_change(1h)) > ${plain(value)}`, read: shape("abs\\(excess_change\\(1h\\)\\) > N"),
  },
  surge: {
    label: "volume of 5 min exceeds", unit: "× its 1 h average", line: false, first: () => 3,
    write: (value) => `traded_quote[5m] > ${plain(value)} * mean(1h)`, read: shape("traded_quote\\[5m\\] > N \\* mean\\(1h\\)"),
  },
  top: {
    label: "σ rank enters the top", unit: "", line: false, first: () => 10,
    write: (value) => `rank(sigma_rel, 24h) <= ${plain(Math.max(1, Math.round(value)))}`, read: shape("rank\\(sigma_rel, 24h\\) <= N"),
  },
};

/** Without an exponent, which rules do not know. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/0+$/, "").replace(/\.$/, "") : text;
}

export function sentenceOf(condition: string): Sentence | null {
  for (const [kind, { read }] of Object.entries(SHAPES) as [Kind, Shape][]) {
    const found = read.exec(condition.trim());
    if (found) return { kind, value: Number(found[1]) };
  }
  return null;
}

export const written = ({ kind, value }: Sentence): string => SHAPES[kind].write(value);

/** The value that a line on the chart shows; null for a rule without one. */
export function lineOf(condition: string): number | null {
  const found = sentenceOf(condition);
  return found && SHAPES[found.kind].line ? found.value : null;
}

/** A name for a rule: `btc-usd-price-crosses-67000`. */
export function nameOf(market: string, condition: string): string {
  const found = sentenceOf(condition);
  const what = found ? `${SHAPES[found.kind].label.replace("price ", "")} ${found.value}` : condition;
  const text = `${market.split(":")[1]} ${what}`.toLowerCase().replace("σ", "sigma");
  return text.replace(/[^a-z0-9_]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 58);
}
