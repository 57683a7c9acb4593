// The address is the state: what is shown can be copied, reloaded and gone back to.
import { Cell } from "./cell.ts";
import { inside, routeNow } from "./place.ts";

export interface Address {
  route: string;
  params: URLSearchParams;
}

const here = (): Address => ({ route: routeNow(), params: new URLSearchParams(location.search) });

export const address = new Cell<Address>(here());
addEventListener("popstate", () => (address.value = here()));

/** Show another route. */
export function go(path: string): void {
  history.pushState(null, "", inside(path));
  address.value = here();
}

/** Change what stands after the question mark; null takes a name away. */
export function setParams(changes: Record<string, string | null>, { push = false } = {}): void {
  const params = new URLSearchParams(address.value.params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") params.delete(name);
    else params.set(name, value);
  }
  const text = params.toString();
  if (text === address.value.params.toString()) return;
  const next = location.pathname + (text ? `?${text}` : "");
  history[push ? "pushState" : "replaceState"](null, "", next);
  address.value = here();
}

/** For links: a plain click stays in the page, any other is the browser's. */
export function follow(event: MouseEvent): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const link = event.currentTarget as HTMLAnchorElement;
  history.pushState(null, "", link.href);
  address.value = here();
}
