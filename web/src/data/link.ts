// The tab's end of the worker; the hub itself where a browser has no SharedWorker.
import address from "./worker.ts?sharedworker&url";
import { Hub, type Tell } from "./hub.ts";
import type { Told, Wish } from "./wire.ts";

const HERE_MS = 30_000;

interface Policies {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): string };
}

export function connect(tell: Tell): (wish: Wish) => void {
  const wish = shared(tell) ?? new Hub().join(tell);
  setInterval(() => wish({ kind: "here" }), HERE_MS);
  addEventListener("pagehide", () => wish({ kind: "leave" }));
  return wish;
}

function shared(tell: Tell): ((wish: Wish) => void) | null {
  if (typeof SharedWorker === "undefined") return null;
  try {
    const worker = new SharedWorker(trusted(address), { type: "module", name: "sigmawatch" });
    worker.port.onmessage = (message: MessageEvent<Told>) => tell(message.data);
    return (wish) => worker.port.postMessage(wish);
  } catch {
    return null; // another origin's page, or a browser without module workers
  }
}

/** The one script address that the policy of trusted types lets through is the worker's own. */
function trusted(url: string): string {
  const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  if (!types) return url;
  const policy = types.createPolicy("sigmawatch", {
    createScriptURL: (asked) => {
      if (asked !== url) throw new TypeError("only the page's own worker");
      return asked;
    },
  });
  return policy.createScriptURL(url);
}
