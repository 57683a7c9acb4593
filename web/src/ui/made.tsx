// What a derived series is made of: its formula, and of every composite in it who has a part and
// who has none, and why; as of a slot of each minute.
import { useEffect, useState } from "preact/hooks";
import type { CompositeMember, CompositeShown, Composition, LeftOut } from "../data/contract.ts";
import { type ApiError, get } from "../lib/api.ts";
import { compact, price } from "../lib/format.ts";
import { Failed } from "./failed.tsx";
import { Change } from "./row.tsx";

const WHY: Partial<Record<LeftOut, string>> = {
  far: "too far from the others",
  still: "stands still while others move",
  no_volume: "no volume",
  not_polled: "not polled",
};

export function Made({ series, minute }: { series: number; minute: string | undefined }) {
  const [told, setTold] = useState<Composition | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = () => {
    get<Composition>(`metrics/${series}/composition`).then((found) => { setTold(found); setError(null); }, setError);
  };
  useEffect(load, [series, minute]);
  return (
    <section class="box made">
      <h2>Made of</h2>
      {error && <Failed error={error} again={load} />}
      {told?.formula && <p><code>{told.formula}</code></p>}
      {told?.composites.map((one) => <Composite key={one.text} one={one} />)}
    </section>
  );
}

function Composite({ one }: { one: CompositeShown }) {
  const weighed = one.members.some(({ volume }) => volume !== null);
  return (
    <table>
      <caption>
        {price(one.value)} · {one.taken_count} of {one.members_count}
        {one.provisional && <> <span class="tag warning">provisional</span></>}
        {one.reason && <> <span class="tag warning">{one.reason === "disagree" ? "they disagree" : "nobody is known"}</span></>}
        <span class="dim"> · within {one.within_pct}% of the median</span>
      </caption>
      <thead><tr><th>Member</th><th class="num">Price</th><th class="num">From the median</th>{weighed && <th class="num">24 h volume</th>}<th>Part</th></tr></thead>
      <tbody>{one.members.map((member) => <Member key={member.name} member={member} weighed={weighed} />)}</tbody>
    </table>
  );
}

function Member({ member, weighed }: { member: CompositeMember; weighed: boolean }) {
  return (
    <tr class={member.taken ? "" : "dim"}>
      <td>{member.name}</td>
      <td class="num">{price(member.value)}</td>
      <td class="num">{member.apart_pct === null ? "–" : <Change value={member.apart_pct} />}</td>
      {weighed && <td class="num">{compact(member.volume)}</td>}
      <td>{member.reason ? WHY[member.reason] ?? member.reason : "taken"}</td>
    </tr>
  );
}
