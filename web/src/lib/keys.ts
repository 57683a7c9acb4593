// Shortcuts. A part of the page registers what it can do; while one types nothing is a shortcut.
import { useEffect, useRef } from "preact/hooks";
import { settings } from "./settings.ts";

export type Actions = Record<string, (event: KeyboardEvent) => void>;
const stack: { current: Actions }[] = [];

/** While the component is there, keys do what `actions` say: by `event.key`, or `Ctrl+k`. */
export function useKeys(actions: Actions): void {
  const held = useRef(actions);
  held.current = actions;
  useEffect(() => {
    stack.push(held);
    return () => void stack.splice(stack.indexOf(held), 1);
  }, []);
}

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName));

addEventListener("keydown", (event) => {
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey || event.defaultPrevented) return;
  const name = control ? `Ctrl+${event.key.toLowerCase()}` : event.key;
  if (!control && document.querySelector("dialog[open]")) return; // it closes itself by Escape
  if (!control && name !== "Escape") {
    if (typing(event.target)) return;
    if (name.length === 1 && !settings.value.letters) return;
    if (name === "Enter" && event.target instanceof HTMLElement && event.target.closest("button, a, summary")) return;
  }
  for (const { current } of [...stack].reverse()) {
    const action = current[name];
    if (action) {
      event.preventDefault();
      return action(event);
    }
  }
});
