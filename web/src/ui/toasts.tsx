// Short messages in a corner: what was done, what fired. They take no focus; a fired alert is told
// once to who cannot see it.
import { Cell, useCell } from "../lib/cell.ts";

interface Toast {
  title: string;
  text: string;
  tone: "good" | "bad" | "warn";
}

const SHOWN_MS = 8_000;
const AT_ONCE = 4;
const shown = new Cell<readonly (Toast & { id: number })[]>([]);
let next = 0;

export function toast(told: Toast): void {
  const id = next++;
  shown.value = [...shown.value, { ...told, id }].slice(-AT_ONCE);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

const dismiss = (id: number): void => {
  shown.value = shown.value.filter((one) => one.id !== id);
};

export function Toasts() {
  return (
    <div class="toasts">
      {useCell(shown).map(({ id, title, text, tone }) => (
        <div key={id} class={`toast ${tone}`} role={tone === "good" ? "status" : "alert"}>
          <b>{title}</b>
          <button class="link" aria-label="Dismiss" onClick={() => dismiss(id)}>×</button>
          <p class="dim">{text}</p>
        </div>
      ))}
    </div>
  );
}
