// Parts of a page, one at a time; which one stands in the address.
import { useCell } from "../lib/cell.ts";
import { address, setParams } from "../lib/url.ts";

/** The tab that the address names, else the first. */
export function useTab<T extends string>(names: readonly T[]): T {
  const { params } = useCell(address);
  const asked = params.get("tab") as T;
  return names.includes(asked) ? asked : names[0]!;
}

export function Tabs<T extends string>({ names, here }: { names: readonly T[]; here: T }) {
  return (
    <div class="tabs" role="tablist">
      {names.map((one) => (
        <button key={one} role="tab" aria-selected={one === here} class={one === here ? "on" : ""} onClick={() => setParams({ tab: one === names[0] ? null : one })}>{one}</button>
      ))}
    </div>
  );
}
