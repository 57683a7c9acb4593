// Begins the page: who we are, then the route of the address.
import { render } from "preact";
import "./style/fonts.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/markets.css";
import "./style/pages.css";
import { refresh } from "./data/session.ts";
import { useCell } from "./lib/cell.ts";
import { address } from "./lib/url.ts";
import { Markets } from "./pages/markets.tsx";

function App() {
  const { route } = useCell(address);
  void route;
  return <Markets />;
}

void refresh();
render(<App />, document.querySelector("#page")!);
