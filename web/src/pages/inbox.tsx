// The inbox: every message that was told, the newest first.
import type { InboxPage } from "../data/contract.ts";
import { send } from "../lib/api.ts";
import { moment } from "../lib/time.ts";
import { complain } from "../ui/episodes.tsx";
import { Shell, unread } from "../ui/shell.tsx";
import { Answered, useAnswer } from "../ui/answered.tsx";

export function Inbox() {
  const answer = useAnswer<InboxPage>("inbox?limit=200");
  const read = (through: number) => send("POST", "inbox/read", { through }).then(() => { unread.value = 0; answer.again(); }, complain);
  return (
    <Shell>
      <div class="page">
        <Answered of={answer}>
          {({ items, unread: waiting }) => (
            <>
              <div class="page-head"><h1>Inbox</h1><span class="room" />{waiting > 0 && <button onClick={() => read(items[0]!.number)}>Mark all read</button>}</div>
              <section class="box">
                {items.length === 0 && <p class="dim">No message yet. What fires comes here, whatever else is set up.</p>}
                <ul class="list">
                  {items.map((one) => (
                    <li key={one.number} class={one.read_at ? "" : "unread"}>
                      <span class={`tag ${one.severity}`}>{one.kind.replace("_", " ")}</span>
                      <details class="grow"><summary><b>{one.title}</b> <span class="dim">{moment(Date.parse(one.came_at))}</span></summary>{one.lines.map((line, at) => <p key={at} class="dim">{line}</p>)}</details>
                    </li>
                  ))}
                </ul>
              </section>
            </>
          )}
        </Answered>
      </div>
    </Shell>
  );
}
