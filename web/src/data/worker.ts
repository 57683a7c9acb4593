// The SharedWorker: one hub for every tab of this browser.
import { Hub } from "./hub.ts";
import type { Wish } from "./wire.ts";

const hub = new Hub();

(self as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0]!;
  const wish = hub.join((told) => port.postMessage(told));
  port.onmessage = (message: MessageEvent<Wish>) => wish(message.data);
};
