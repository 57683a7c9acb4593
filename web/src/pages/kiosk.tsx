// For a screen on a wall: the table alone, larger, without anything to press. The address says
// which table, as on the markets' page.
import { useEffect } from "preact/hooks";
import { failure, hello, link, retry, show, table as shown } from "../data/feed.ts";
import { useCell } from "../lib/cell.ts";
import { settings } from "../lib/settings.ts";
import { clock, clockTime, zoneName } from "../lib/time.ts";
import { address } from "../lib/url.ts";
import { Failed } from "../ui/failed.tsx";
import { Grid } from "../ui/grid.tsx";
import { tableAsked, wantedBy } from "./markets.tsx";

const nothing = () => undefined;

export function Kiosk() {
  const { params } = useCell(address);
  const { stars } = useCell(settings);
  const table = useCell(shown);
  const state = useCell(link);
  const failed = useCell(failure);
  const now = useCell(clock);
  const greeting = useCell(hello);
  const asked = tableAsked(params);
  useEffect(() => show(asked), [JSON.stringify(asked)]);
  return (
    <main id="main" class={`markets kiosk${state.state === "lost" ? " lost" : ""}`}>
      <p class="kiosk-head">
        <b>{asked.metric.replaceAll("_", " ")}</b> {greeting?.demo && <span class="warn">DEMO</span>}
        <span class="room" />
        {state.state === "lost" && <span class="bad" role="alert">Connection lost · </span>}
        <span class="dim">{clockTime(now)} {zoneName()}</span>
      </p>
      {failed && !table && <Failed error={failed} again={retry} />}
      {table && <Grid table={table} wanted={wantedBy(params, stars)} selected={null} pick={nothing} sort={nothing} ordered={nothing} empty={<p class="nothing dim">Nothing to show</p>} />}
    </main>
  );
}
