// The audit log, for admins: the newest entries, and whether all of it is as it was written.
import { useState } from "preact/hooks";
import type { AuditPage, AuditVerified, ShownDeed } from "../data/contract.ts";
import { get, query } from "../lib/api.ts";
import { count } from "../lib/format.ts";
import { moment } from "../lib/time.ts";
import { Answered, useAnswer } from "./answered.tsx";
import { complain } from "./episodes.tsx";
import { toast } from "./toasts.tsx";

const PAGE = 50;

function verify(): void {
  get<AuditVerified>("audit/verification").then(
    (told) => toast(told.sound
      ? { title: "The log is as it was written", text: `${count(told.rows)} entries; the newest is ${told.newest_hash.slice(0, 16)}…`, tone: "good" }
      : { title: `Entry ${told.wrong_row} is not as it was written`, text: told.reason ?? "", tone: "bad" }),
    complain,
  );
}

export function Audit() {
  const answer = useAnswer<AuditPage>(`audit?limit=${PAGE}`);
  const [older, setOlder] = useState<readonly ShownDeed[]>([]);
  const [next, setNext] = useState<string | null | undefined>(undefined);
  const more = (cursor: string) => get<AuditPage>(`audit?${query({ limit: PAGE, cursor })}`).then((page) => {
    setOlder([...older, ...page.items]);
    setNext(page.next_cursor);
  }, complain);
  return (
    <section class="box">
      <div class="box-head"><h2>Log</h2><span class="room" /><button onClick={verify}>Verify</button></div>
      <Answered of={answer}>
        {({ items, next_cursor }) => {
          const cursor = next === undefined ? next_cursor : next;
          return (
            <div class="as-rows" tabIndex={0} role="group" aria-label="Entries">
              {items.length + older.length === 0 && <p class="dim">Nothing was done yet.</p>}
              <table>
                <thead><tr><th>When</th><th>Who</th><th>What</th><th>To what</th></tr></thead>
                <tbody>{[...items, ...older].map((one) => <tr key={one.number}><td>{moment(Date.parse(one.at))}</td><td>{one.who}</td><td>{one.what}</td><td>{one.about}</td></tr>)}</tbody>
              </table>
              {cursor && <button onClick={() => void more(cursor)}>Older</button>}
            </div>
          );
        }}
      </Answered>
    </section>
  );
}
