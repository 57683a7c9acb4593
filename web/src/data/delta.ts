// What a delta says, as it is sent and as a tab takes it in. It is made over where it comes in, once
// for all tabs: numbers cross over to them as one piece of memory, not as thousands of values.

interface Change {
  sequence: number;
  time: string;
  slot: string | null;
  of: number;
}

/** A delta as it is sent: of each column the rows that changed, and their values. */
export interface SentDelta extends Change {
  columns: Record<string, [number[], (number | null)[] | (string | null)[]]>;
}

/** Columns that are not numbers. */
export const WORDS = ["state", "source"] as const;
export type WordColumn = (typeof WORDS)[number];

/** NaN for what is unknown. */
export interface Delta extends Change {
  numbers: Record<string, { rows: Uint32Array; values: Float64Array }>;
  words: Partial<Record<WordColumn, { rows: Uint32Array; values: (string | null)[] }>>;
}

/** A delta that was sent, as tabs take it in. */
export function taken({ columns, ...rest }: SentDelta): Delta {
  const delta: Delta = { ...rest, numbers: {}, words: {} };
  for (const [name, [places, values]] of Object.entries(columns)) {
    const rows = new Uint32Array(places);
    if (WORDS.includes(name as WordColumn)) delta.words[name as WordColumn] = { rows, values: values as (string | null)[] };
    else delta.numbers[name] = { rows, values: numbersOf(values as (number | null)[]) };
  }
  return delta;
}

/** NaN for null. */
export function numbersOf(values: readonly (number | null)[]): Float64Array {
  const made = new Float64Array(values.length);
  for (let place = 0; place < values.length; place++) made[place] = values[place] ?? NaN;
  return made;
}
