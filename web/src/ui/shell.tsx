// What every page has: the bar with the way to all others and the state of the connection, banners
// for what must be known, and the corner for messages.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { EpisodesPage, InboxPage, StorageReport } from "../data/contract.ts";
import { aheadMs, heardAt, hello, link, newer, onEpisode, retry, table, tick, venues } from "../data/feed.ts";
import { session } from "../data/session.ts";
import { get } from "../lib/api.ts";
import { Cell, useCell } from "../lib/cell.ts";
import { age, count } from "../lib/format.ts";
import { useKeys } from "../lib/keys.ts";
import { marketOf, pageOf } from "../lib/market.ts";
import { inside } from "../lib/place.ts";
import { settings } from "../lib/settings.ts";
import { clock, clockTime } from "../lib/time.ts";
import { address, follow, go } from "../lib/url.ts";
import { nextTheme, openPalette, openSheet, Palette, ShortcutSheet } from "./palette.tsx";
import { toast, Toasts } from "./toasts.tsx";
import { troubled } from "./venuestate.tsx";

/** The server writes every 15 s whatever happens. */
const SILENT_MS = 20_000;
const LOOK_MS = 30_000;
const LAG_SLOTS = 3;

export const firing = new Cell(0);
export const unread = new Cell(0);
const storage = new Cell<StorageReport | null>(null);

export function Shell({ children, search }: { children: ComponentChildren; search?: ComponentChildren }) {
  useNews();
  useCell(settings);
  useKeys({ "Ctrl+k": openPalette, "?": openSheet, t: nextTheme, a: () => go("alerts/new") });
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <header class="bar">
        <a class="brand" href={inside("")} onClick={follow}><Mark />sigmawatch</a>
        <Nav />
        <span class="room" />
        {search}
        <button class="commands" onClick={openPalette}>Commands <kbd>Ctrl K</kbd></button>
        <LinkPill />
      </header>
      <Banners />
      <main id="main" tabIndex={-1}>{children}</main>
      <Toasts />
      <Palette />
      <ShortcutSheet />
    </>
  );
}

export const Mark = () => (
  <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
    <rect width="24" height="24" rx="6" fill="#62aeff" /><path d="M4.5 15.5l4-5 3.2 3.2L16 8l3.5 4" fill="none" stroke="#0a0e15" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round" />
  </svg>
);

function Nav() {
  const { route } = useCell(address);
  const states = useCell(venues);
  const broken = [...states.values()].filter(troubled).length;
  const pages: [string, string, number, string][] = [
    ["Markets", "", 0, ""], ["Alerts", "alerts", useCell(firing), "firing"], ["Venues", "venues", broken, "not up"],
    ["Inbox", "inbox", useCell(unread), "unread"], ["Settings", "settings", 0, ""],
  ];
  return (
    <nav aria-label="Pages">
      {pages.map(([name, path, number, what]) => {
        const here = path ? route.startsWith(`/${path}`) : route === "/" || route.startsWith("/m/");
        return (
          <a key={name} href={inside(path)} class={here ? "on" : ""} onClick={follow} {...(here ? { "aria-current": "page" as const } : {})}>
            {name}{number > 0 && <span class="count" aria-label={`${number} ${what}`}>{number > 99 ? "99+" : number}</span>}
          </a>
        );
      })}
    </nav>
  );
}

/** Whether the stream is up, how many markets it is about, and when it last said something. */
function LinkPill() {
  useCell(tick);
  const state = useCell(link);
  const held = useCell(table);
  const now = useCell(clock);
  const silent = state.state === "live" && now - heardAt > SILENT_MS;
  const [tone, word] = silent ? ["warn", "Silent"] : ({ live: ["good", "Live"], connecting: ["dim", "Connecting"], lost: ["bad", "Reconnecting"], crowded: ["warn", "Not live"] } as const)[state.state];
  return (
    <span class={`pill ${tone}`} role="status">
      <i class={held && held.sequence % 2 ? "dot odd" : "dot"} /> <b>{word}</b>
      <span class="dim wide">{held ? `${count(held.told.total)} markets · ${clockTime(held.timeMs)}` : ""}</span>
    </span>
  );
}

function Banners() {
  const state = useCell(link);
  const now = useCell(clock);
  const greeting = useCell(hello);
  const stored = useCell(storage);
  const held = useCell(table);
  const ago = age(Math.max(0, now - heardAt) / 1000); // the clock ticks once a second
  const slot = held?.slot ? Date.parse(held.slot) : NaN;
  const interval = greeting?.interval_ms ?? NaN;
  const lag = now + aheadMs - slot - interval;
  return (
    <div class="banners">
      {(greeting?.demo || session.value.demo) && <p class="banner demo">DEMO: an invented market, not real prices</p>}
      {state.state === "lost" && (
        <p class="banner bad" role="alert">
          <b>{state.status === 401 ? "You are signed out." : "Connection lost."}</b> Showing data from {ago} ago. Trying again in{" "}
          {Math.max(0, Math.ceil((state.againAt - now) / 1000))} s <button onClick={retry}>Now</button>
          {state.status === 401 && <a href={inside("sign-in")} onClick={follow}>Sign in</a>}
        </p>
      )}
      {state.state === "crowded" && <p class="banner warn" role="alert">Four other tables are live in other tabs of this browser. Close one of them, then reload.</p>}
      {state.state === "live" && now - heardAt > SILENT_MS && <p class="banner warn" role="alert">No update for {ago}. Server reachable but silent.</p>}
      {state.state === "live" && lag > LAG_SLOTS * interval && <p class="banner warn" role="alert">The newest closed slot is of {clockTime(slot)}, {age(lag / 1000)} ago: what you see is older than it should be.</p>}
      {stored && stored.state !== "ok" && <p class="banner bad" role="alert"><b>Storage {stored.state.replace("_", " ")}.</b> {stored.reason}. What you see is stored; nothing new is shown until it can be.</p>}
      {useCell(newer) && <p class="banner warn" role="status">New version. <button onClick={() => location.reload()}>Reload</button></p>}
    </div>
  );
}

/** Episodes as they open and close, and what a look now and then finds. */
function useNews(): void {
  const { scopes } = useCell(session);
  const [may] = [scopes.includes("read:alerts")];
  const [, draw] = useState(0);
  useEffect(() => {
    const look = async () => {
      if (document.hidden) return;
      get<StorageReport>("storage").then((report) => (storage.value = report), () => undefined);
      if (!may) return;
      get<EpisodesPage>("episodes?open=true&limit=200").then((page) => (firing.value = page.items.length), () => undefined);
      get<InboxPage>("inbox?unread=true&limit=1").then((page) => (unread.value = page.unread), () => undefined);
    };
    void look();
    const every = setInterval(look, LOOK_MS);
    const stop = onEpisode((event) => {
      void look();
      if (event.closed_at) return;
      toast({ title: `Firing: ${event.rule}`, text: event.series ?? "", tone: "warn" });
      draw((n) => n + 1);
    });
    return () => {
      clearInterval(every);
      stop();
    };
  }, [may]);
}

export const openSeries = (series: string): void => go(pageOf(marketOf(series)));
