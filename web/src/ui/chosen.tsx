// Rows of a list that are chosen, and what one may do with all of them at once.
import { useState } from "preact/hooks";
import { ApiError } from "../lib/api.ts";
import { plural } from "../lib/format.ts";
import { Sure } from "./form.tsx";
import { toast } from "./toasts.tsx";

export interface Chosen {
  has: (id: string) => boolean;
  toggle: (id: string) => void;
  clear: () => void;
}

export function useChosen(): Chosen & { ids: ReadonlySet<string> } {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string) => {
    const next = new Set(ids);
    if (!next.delete(id)) next.add(id);
    setIds(next);
  };
  return { ids, has: (id) => ids.has(id), toggle, clear: () => setIds(new Set()) };
}

export const Check = ({ chosen, id, name }: { chosen: Chosen; id: string; name: string }) => (
  <input type="checkbox" aria-label={`Choose ${name}`} checked={chosen.has(id)} onChange={() => chosen.toggle(id)} />
);

type Deeds<T> = Record<string, { run: (one: T) => Promise<unknown>; sure?: boolean }>;

/** One after the other; what did not work is said by name, the others go on. */
export function ForChosen<T>({ items, nameOf, chosen, deeds, changed }: { items: readonly T[]; nameOf: (one: T) => string; chosen: Chosen; deeds: Deeds<T>; changed: () => void }) {
  if (items.length === 0) return null;
  const all = async (run: (one: T) => Promise<unknown>) => {
    for (const one of items) {
      try {
        await run(one);
      } catch (error) {
        toast({ title: nameOf(one), text: (error as ApiError).message, tone: "bad" });
      }
    }
    chosen.clear();
    changed();
  };
  return (
    <p class="for-chosen" role="group" aria-label="For what is chosen">
      <b>{plural(items.length, "row")} chosen</b>
      {Object.entries(deeds).map(([name, { run, sure }]) =>
        sure ? <Sure key={name} act={name} run={() => all(run)} /> : <button key={name} onClick={() => void all(run)}>{name}</button>,
      )}
      <button class="link" onClick={chosen.clear}>None</button>
    </p>
  );
}
