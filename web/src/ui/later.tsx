// Parts of the page that are fetched when they are first shown, or before, when nothing else is to
// be done: what everybody sees at first stays small.
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

const loads: (() => Promise<unknown>)[] = [];

/** Around what stands there meanwhile. */
type Frame = ComponentType<{ children: ComponentChildren }>;

/** A component whose module `load` brings. Frame: what a whole route has around it. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, Frame?: Frame): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  const bring = async () => (found ??= await load());
  loads.push(bring);
  return function Later(props: P) {
    const [state, setState] = useState<"waits" | "there" | "failed">(found ? "there" : "waits");
    useEffect(() => {
      let alive = true;
      if (!found) bring().then(() => alive && setState("there"), () => alive && setState("failed"));
      return () => void (alive = false);
    }, []);
    const Found = found;
    if (Found) return <Found {...props} />;
    const meanwhile = state === "failed" ? <Missing /> : <p class="dim page" role="status">Loading</p>;
    return Frame ? <Frame>{meanwhile}</Frame> : meanwhile;
  };
}

/** Bring all the others once the browser has nothing else to do: routes open at once, and without a
 * connection, too. What fails now is tried again where it is shown. */
export function bringAll(): void {
  const soon = (run: () => void) => ("requestIdleCallback" in window ? requestIdleCallback(run) : setTimeout(run, 2_000));
  soon(() => loads.forEach((bring) => bring().catch(() => undefined)));
}

function Missing() {
  return (
    <div class="failed" role="alert">
      <b>This part of the page could not be fetched</b> <span class="dim">There is no connection, or a newer version.</span>
      <button onClick={() => location.reload()}>Reload</button>
    </div>
  );
}
