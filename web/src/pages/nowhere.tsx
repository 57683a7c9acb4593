// An address of ours at which nothing is: what it was, and the ways back.
import { useCell } from "../lib/cell.ts";
import { inside } from "../lib/place.ts";
import { address, follow } from "../lib/url.ts";
import { Shell } from "../ui/shell.tsx";

export function Nowhere() {
  const { route } = useCell(address);
  return (
    <Shell>
      <div class="page narrow">
        <h1>No such page</h1>
        <section class="box">
          <p class="made">Nothing is at <code>{route}</code>. A link may be cut off, or older than this version.</p>
          <p class="deeds"><a class="button" href={inside("")} onClick={follow}>All markets</a> <a class="open" href={inside("docs")}>The API's documentation</a></p>
        </section>
      </div>
    </Shell>
  );
}
