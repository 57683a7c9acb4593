// About: which program this is, and whose work the page contains.
import { useEffect, useState } from "preact/hooks";
import type { Index } from "../data/contract.ts";
import { hello } from "../data/feed.ts";
import { useCell } from "../lib/cell.ts";
import { inside, root } from "../lib/place.ts";
import { Shell } from "../ui/shell.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";

interface Licence {
  name: string;
  version: string;
  licence: string;
  text: string;
}

export function About() {
  const answer = useAnswer<Index>("");
  const greeting = useCell(hello);
  const [licences, setLicences] = useState<Licence[]>([]);
  useEffect(() => {
    fetch(new URL("static/licences.json", root)).then(async (found) => found.ok && setLicences((await found.json()) as Licence[]), () => undefined);
  }, []);
  return (
    <Shell>
      <div class="page narrow">
        <h1>About</h1>
        <section class="box">
          <Answered of={answer}>{({ version }) => <p>Sigmawatch {version}{greeting && <span class="dim"> · page {greeting.ui}</span>}. Apache-2.0.</p>}</Answered>
          <p><a class="open" href={inside("docs")}>The API's documentation</a></p>
        </section>
        <section class="box">
          <h2>In this page</h2>
          {licences.map((one) => <details key={one.name}><summary>{one.name} {one.version} <span class="dim">{one.licence}</span></summary><pre tabIndex={0}>{one.text}</pre></details>)}
        </section>
      </div>
    </Shell>
  );
}
