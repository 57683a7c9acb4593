// Numbers as people read them. Unknown is –, never 0.
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";
const fixed = (value, digits) =>
  value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const unknown = (value) => value === null || value === undefined;

export function price(value) {
  if (unknown(value)) return "–";
  const size = Math.abs(value);
  if (size >= 10000) return fixed(value, 1);
  if (size >= 100) return fixed(value, 2);
  if (size >= 1) return fixed(value, 4);
  return plain(value);
}

export function plain(value, significant = 5) {
  if (unknown(value)) return "–";
  if (value === 0) return "0";
  const zeros = Math.max(0, -Math.floor(Math.log10(Math.abs(value))) - 1);
  if (zeros > 4) {
    const digits = (Math.abs(value) * 10 ** zeros).toFixed(significant - 1).slice(2);
    const count = [...String(zeros)].map((digit) => SUBSCRIPTS[digit]).join("");
    return `${value < 0 ? "−" : ""}0.0${count}${digits}`;
  }
  return Math.abs(value) >= 1 ? price(value) : value.toFixed(zeros + significant);
}

export function percent(value) {
  if (unknown(value)) return "–";
  if (Math.abs(value) >= 1000) return `×${fixed(1 + value / 100, 0)}`;
  const sign = value > 0 ? "+" : value < 0 ? "−" : "";
  return `${sign}${Math.abs(value).toFixed(2)} %`;
}

export function money(value) {
  if (unknown(value)) return "–";
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });
}

export function span(seconds) {
  if (unknown(seconds)) return "–";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
