// Parts of the page that are fetched when they are first shown, or before, when nothing else is to
// be done: what everybody sees at first stays small.
import type { ComponentChildren, ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

const loads: (() => Promise<unknown>)[] = [];
/** What takes longer to fetch may never come: from then on one may try anew. */
const SLOW_MS = 10_000;

type State = "waits" | "slow" | "there" | "failed";
/** Around what stands there meanwhile. */
type Frame = ComponentType<{ children: ComponentChildren }>;

/** A component whose module `load` brings. Frame: what a whole route has around it. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>, Frame?: Frame): ComponentType<P> {
  let found: ComponentType<P> | null = null;
  const bring = async () => (found ??= await load());
  loads.push(bring);
  return function Later(props: P) {
    const [state, setState] = useState<State>(found ? "there" : "waits");
    useEffect(() => {
      if (found) return setState("there");
      let alive = true;
      const slow = setTimeout(() => setState("slow"), SLOW_MS);
      const came = (now: State) => () => {
        clearTimeout(slow);
        if (alive) setState(now);
      };
      bring().then(came("there"), came("failed"));
      return () => {
        clearTimeout(slow);
        alive = false;
      };
    }, []);
    const Found = found;
    if (Found) return <Found {...props} />;
    const meanwhile = state === "waits" ? <p class="dim page" role="status">Loading</p> : <Missing slow={state === "slow"} />;
    return Frame ? <Frame>{meanwhile}</Frame> : meanwhile;
  };
}

/** Bring all the others once the browser has nothing else to do: routes open at once, and without a
 * connection, too. What fails now is tried again where it is shown. */
export function bringAll(): void {
  const soon = (run: () => void) => ("requestIdleCallback" in window ? requestIdleCallback(run) : setTimeout(run, 2_000));
  soon(() => loads.forEach((bring) => bring().catch(() => undefined)));
}

/** Who asks for a module again waits for the same fetch, so it is the page that is loaded anew. */
function Missing({ slow }: { slow: boolean }) {
  const [what, why] = slow
    ? ["This part of the page is still being fetched", "That takes a second as a rule."]
    : ["This part of the page could not be fetched", "There is no connection, or a newer version."];
  return (
    <div class="failed" role="alert">
      <b>{what}</b> <span class="dim">{why}</span>
      <button onClick={() => location.reload()}>Reload</button>
    </div>
  );
}
