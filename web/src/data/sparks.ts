// Sparklines of the rows in view: asked for in batches, kept for a while, drawn from 48 characters.
import { get } from "../lib/api.ts";
import { Cell } from "../lib/cell.ts";
import type { Lines } from "./contract.ts";

/** The newest of 48 half hours moves on with the slots; the tip is live anyway. */
const KEPT_MS = 300_000;
const GATHER_MS = 80;
const AT_ONCE = 100;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LEVEL = new Map([...DIGITS].map((digit, level) => [digit, level / 63]));

export interface Spark {
  /** Values, oldest first; NaN where nothing is known. */
  values: Float64Array;
  atMs: number;
}

export const sparkCount = new Cell(0);
const kept = new Map<number, Spark>();
const asked = new Set<number>();
let wanted: readonly number[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

export const sparkOf = (id: number): Spark | undefined => kept.get(id);

/** These series are in view. */
export function want(ids: readonly number[]): void {
  wanted = ids;
  timer ??= setTimeout(() => void fetchMissing(), GATHER_MS);
}

async function fetchMissing(): Promise<void> {
  timer = undefined;
  const oldest = Date.now() - KEPT_MS;
  const missing = wanted.filter((id) => !asked.has(id) && (kept.get(id)?.atMs ?? 0) < oldest).slice(0, AT_ONCE);
  if (missing.length === 0) return;
  missing.forEach((id) => asked.add(id));
  try {
    const { items } = await get<Lines>(`sparklines?ids=${missing.join(",")}`);
    for (const { id, points, low, high } of items) {
      const span = (high ?? 0) - (low ?? 0);
      const values = Float64Array.from(points, (one) => (low ?? NaN) + span * (LEVEL.get(one) ?? NaN));
      kept.set(id, { values, atMs: Date.now() });
    }
    sparkCount.value++;
  } catch {
    // a drawing less; the next look at these rows asks again
  } finally {
    missing.forEach((id) => asked.delete(id));
  }
}
