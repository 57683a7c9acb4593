// Begins the page: who we are, then the route of the address.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import "./style/fonts.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/markets.css";
import "./style/pages.css";
import { known, mustSignIn, refresh, session } from "./data/session.ts";
import { show } from "./data/feed.ts";
import { useCell } from "./lib/cell.ts";
import { address, go } from "./lib/url.ts";
import { About } from "./pages/about.tsx";
import { Alerts, NewRule } from "./pages/alerts.tsx";
import { Door } from "./pages/door.tsx";
import { Inbox } from "./pages/inbox.tsx";
import { Kiosk } from "./pages/kiosk.tsx";
import { Market } from "./pages/market.tsx";
import { Markets, tableAsked } from "./pages/markets.tsx";
import { Settings } from "./pages/settings.tsx";
import { Venues } from "./pages/venues.tsx";

const PAGES = {
  "": Markets, m: Market, alerts: Alerts, "alerts/new": NewRule, venues: Venues, inbox: Inbox, settings: Settings,
  kiosk: Kiosk, about: About, "sign-in": () => <Door first={false} />, "set-up": () => <Door first={true} />,
};
const DOORS = ["sign-in", "set-up"];

function App() {
  const { route, params } = useCell(address);
  useCell(session);
  const told = useCell(known);
  const path = route.slice(1).replace(/\/$/, "");
  const name = (path in PAGES ? path : path.split("/")[0]!) as keyof typeof PAGES;
  const Page = PAGES[name] ?? Markets;
  const out = told && mustSignIn() && !DOORS.includes(name);
  useEffect(() => {
    document.title = name === "" ? "Sigmawatch" : `${name === "m" ? path.split("/").slice(1).join(" ").toUpperCase() : name} · Sigmawatch`;
    if (out) go("sign-in");
    else if (told && !DOORS.includes(name)) show(tableAsked(params)); // every page is live: its bar says so
  }, [name, out, told]);
  return out ? null : <Page />;
}

// Its address is relative to the route we came by, and routes change.
for (const icon of document.querySelectorAll<HTMLLinkElement>("link[rel=icon]")) icon.href = String(icon.href);

void refresh();
render(<App />, document.querySelector("#page")!);
