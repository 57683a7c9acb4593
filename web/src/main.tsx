// Begins the page: who we are, then the route of the address.
import { render, type ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import "./style/fonts.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/markets.css";
import "./style/pages.css";
import { known, mustSignIn, refresh, session } from "./data/session.ts";
import { show, table } from "./data/feed.ts";
import { useCell } from "./lib/cell.ts";
import { address, go } from "./lib/url.ts";
import { Kiosk } from "./pages/kiosk.tsx";
import { Markets, tableAsked } from "./pages/markets.tsx";
import { bringAll, later } from "./ui/later.tsx";
import { Shell } from "./ui/shell.tsx";

const Door = later(() => import("./pages/door.tsx").then((made) => made.Door));
const Letter = later(() => import("./pages/letter.tsx").then((made) => made.Letter));
const Market = later(() => import("./pages/market.tsx").then((made) => made.Market), Shell);
const Nowhere = later(() => import("./pages/nowhere.tsx").then((made) => made.Nowhere), Shell);
const PAGES: Record<string, ComponentType> = {
  "": Markets, kiosk: Kiosk,
  alerts: later(() => import("./pages/alerts.tsx").then((made) => made.Alerts), Shell),
  "alerts/new": later(() => import("./pages/alerts.tsx").then((made) => made.NewRule), Shell),
  venues: later(() => import("./pages/venues.tsx").then((made) => made.Venues), Shell),
  inbox: later(() => import("./pages/inbox.tsx").then((made) => made.Inbox), Shell),
  settings: later(() => import("./pages/settings.tsx").then((made) => made.Settings), Shell),
  about: later(() => import("./pages/about.tsx").then((made) => made.About), Shell),
  "sign-in": () => <Door first={false} />, "set-up": () => <Door first={true} />,
  "subscriptions/confirm": () => <Letter purpose="confirm" />,
  "subscriptions/unsubscribe": () => <Letter purpose="unsubscribe" />,
};
const DOORS = ["sign-in", "set-up", "subscriptions/confirm", "subscriptions/unsubscribe"];

const MARKET = /^m\/[^/]+\/[^/]+$/;

/** What is shown at a route, and how that is called. */
function pageAt(path: string): [name: string, Page: ComponentType] {
  if (MARKET.test(path)) return ["m", Market];
  return Object.hasOwn(PAGES, path) ? [path, PAGES[path]!] : ["no such page", Nowhere];
}

function App() {
  const { route, params } = useCell(address);
  useCell(session);
  const told = useCell(known);
  const path = route.slice(1).replace(/\/$/, "");
  const [name, Page] = pageAt(path);
  const out = told && mustSignIn() && !DOORS.includes(name);
  useEffect(() => {
    document.title = name === "" ? "Sigmawatch" : `${name === "m" ? path.split("/").slice(1).join(" ").toUpperCase() : name} · Sigmawatch`;
    if (out) go("sign-in");
    else if (told && !DOORS.includes(name)) show(tableAsked(params)); // every page is live: its bar says so
  }, [name, out, told]);
  return out ? null : <Page key={name} />;
}

// Its address is relative to the route we came by, and routes change.
for (const icon of document.querySelectorAll<HTMLLinkElement>("link[rel=icon]")) icon.href = String(icon.href);

void refresh();
render(<App />, document.querySelector("#page")!);
const first = table.watch(() => {
  first();
  bringAll(); // not before: what everybody looks at comes first
});
