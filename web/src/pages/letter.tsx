// Where the links of a mail lead. Programs that look through mail follow them, so nothing happens
// before somebody clicks here.
import { useState } from "preact/hooks";
import type { ShownSubscription } from "../data/contract.ts";
import { type ApiError, query, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { address } from "../lib/url.ts";

const SAID = {
  confirm: { title: "Alerts by mail", question: "Somebody asked that alerts be sent to your address. Do you want them?", yes: "Yes, send them" },
  unsubscribe: { title: "No more alerts", question: "Should the alerts that this mail was one of stop?", yes: "Yes, stop them" },
} as const;

export function Letter({ purpose }: { purpose: keyof typeof SAID }) {
  const token = useCell(address).params.get("token") ?? "";
  const [done, setDone] = useState("");
  const [failure, setFailure] = useState("");
  const said = SAID[purpose];
  const answer = async () => {
    setFailure("");
    try {
      const told = await send<ShownSubscription | null>("POST", `subscriptions/${purpose}?${query({ token })}`);
      setDone(told ? `Done: alerts on ${told.target} go to ${told.address} from now on.` : "Done: nothing more is sent. You will not hear of them again.");
    } catch (caught) {
      setFailure((caught as ApiError).message);
    }
  };
  return (
    <main id="main" class="door">
      <section class="box">
        <h1>{said.title}</h1>
        {done ? <p role="status">{done}</p> : <p>{said.question}</p>}
        {failure && <p class="bad" role="alert">{failure}</p>}
        {!done && <button class="primary" onClick={answer}>{said.yes}</button>}
        {!done && <p class="dim">If not, close this page: nothing happens.</p>}
      </section>
    </main>
  );
}
