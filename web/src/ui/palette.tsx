// The command palette and the sheet of shortcuts. A dialog opens inside the key's own event, else
// the first letters typed would be shortcuts of what lies behind it.
import { useEffect, useRef, useState } from "preact/hooks";
import { table } from "../data/feed.ts";
import { pageOf } from "../lib/market.ts";
import { change, PALETTES, settings, THEMES } from "../lib/settings.ts";
import { go, setParams, address } from "../lib/url.ts";

interface Command {
  name: string;
  note: string;
  run: () => void;
}

const SHOWN = 12;

const next = <T,>(among: readonly T[], now: T): T => among[(among.indexOf(now) + 1) % among.length]!;
export const nextTheme = (): void => change({ theme: next(THEMES, settings.value.theme) });

function fixed(): Command[] {
  const pages = [["Markets", ""], ["Alerts", "alerts"], ["Venues", "venues"], ["Inbox", "inbox"], ["Settings", "settings"], ["Kiosk", "kiosk"], ["About", "about"]];
  return [
    ...pages.map(([name, path]) => ({ name: name!, note: "page", run: () => go(path!) })),
    { name: "New alert", note: "a", run: () => go("alerts/new") },
    { name: "Next theme", note: "t", run: nextTheme },
    { name: "Next palette of colours", note: settings.value.palette, run: () => change({ palette: next(PALETTES, settings.value.palette) }) },
    { name: "Times in UTC or here", note: settings.value.zone, run: () => change({ zone: settings.value.zone === "UTC" ? "browser" : "UTC" }) },
    { name: "Compact rows", note: settings.value.density, run: () => change({ density: settings.value.density === "compact" ? "regular" : "compact" }) },
    { name: "Shortcuts", note: "?", run: () => openSheet() },
  ];
}

function found(text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name: string) => words.every((word) => name.toLowerCase().includes(word));
  const held = table.value;
  const markets: Command[] = [];
  for (let row = 0; held && words.length && row < held.length && markets.length < SHOWN; row++) {
    const market = held.market(row);
    if (!fits(`${held.pairs[row]} ${held.venues[row]}`)) continue;
    const stay = address.value.route === "/";
    const run = () => (stay ? setParams({ market }, { push: true }) : go(pageOf(market)));
    markets.push({ name: held.pairs[row]!, note: held.venues[row]!.toLowerCase(), run });
  }
  return [...markets, ...fixed().filter((one) => fits(one.name))].slice(0, SHOWN);
}

let dialog: HTMLDialogElement | null = null;
let sheet: HTMLDialogElement | null = null;
export const openPalette = (): void => {
  dialog?.showModal();
  dialog?.querySelector("input")?.select();
};
export const openSheet = (): void => sheet?.showModal();

/** Else its field, unseen, would take what is pressed before the next frame. */
function shut(box: HTMLDialogElement): void {
  box.close();
  const held = document.activeElement;
  if (held instanceof HTMLElement && box.contains(held)) held.blur();
}

export function Palette() {
  const box = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  useEffect(() => void (dialog = box.current), []);
  const commands = found(text);
  const run = (command: Command | undefined) => {
    shut(box.current!);
    setText("");
    setAt(0);
    command?.run();
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((at + step + commands.length) % Math.max(1, commands.length));
    else if (event.key === "Enter") {
      const typed = (event.currentTarget as HTMLInputElement).value; // may be ahead of what is drawn
      run(typed === text ? commands[at] : found(typed)[0]);
    }
    else if (event.key === "Escape") shut(box.current!);
    else return;
    event.preventDefault();
  };
  return (
    <dialog class="palette" ref={box} aria-label="Commands" onClick={(event) => event.target === box.current && shut(box.current!)}>
      <input
        role="combobox" aria-expanded="true" aria-controls="commands" aria-activedescendant={`command-${at}`} aria-label="Market or command"
        placeholder="Market or command" value={text} onKeyDown={press}
        onInput={(event) => { setText(event.currentTarget.value); setAt(0); }}
      />
      <ul id="commands" role="listbox" aria-label="Found">
        {commands.map((one, place) => (
          <li key={`${one.name} ${one.note}`} id={`command-${place}`} role="option" aria-selected={place === at} onClick={() => run(one)}>
            <span>{one.name}</span><span class="dim">{one.note}</span>
          </li>
        ))}
        {commands.length === 0 && <li class="dim">Nothing by that name</li>}
      </ul>
    </dialog>
  );
}

const SHORTCUTS: [string, string][] = [
  ["/", "filter"], ["j k ↑ ↓", "move"], ["PgUp PgDn g G", "move far"], ["Enter", "select"], ["o", "open the market's page"], ["f", "star"],
  ["r p c v s n", "sort by rank, price, change, volume, σ, name; again: reversed"], ["a", "new alert"], ["m", "next metric"],
  ["[ ]", "window"], ["t", "theme"], ["Ctrl K", "commands"], ["?", "this sheet"], ["Esc", "back"],
];

export function ShortcutSheet() {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => void (sheet = box.current), []);
  return (
    <dialog class="sheet" ref={box} aria-label="Shortcuts" onClick={(event) => event.target === box.current && box.current!.close()}>
      <h2>Shortcuts</h2>
      <dl>{SHORTCUTS.map(([keys, what]) => <div key={keys}><dt>{keys.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}</dt><dd>{what}</dd></div>)}</dl>
      <form method="dialog"><button>Close</button></form>
    </dialog>
  );
}
