// The streams of all tabs: one for each table that any of them shows, however many show it. It runs
// in the SharedWorker, and in the page itself where a browser has none.
import { Stream } from "./events.ts";
import type { Hello, Told, Wish } from "./wire.ts";

/** Browsers allow six connections to a host without HTTP/2; two stay for everything else. */
const STREAMS_MAX = 4;
/** Timers of hidden tabs are slowed to one a minute; a tab that crashed says nothing at all. */
const GONE_MS = 200_000;

export type Tell = (told: Told) => void;

interface Shared {
  stream: Stream;
  tabs: Set<Tab>;
  hello: Hello | null;
  lost: Told | null;
}

interface Tab {
  tell: Tell;
  address: string | null;
  heardMs: number;
}

export class Hub {
  private readonly streams = new Map<string, Shared>();
  private readonly tabs = new Set<Tab>();

  /** A tab has come; returns what takes its wishes. */
  join(tell: Tell): (wish: Wish) => void {
    const tab: Tab = { tell, address: null, heardMs: Date.now() };
    this.tabs.add(tab);
    return (wish) => {
      tab.heardMs = Date.now();
      if (wish.kind === "watch") this.watch(tab, wish.address);
      else if (wish.kind === "leave") this.leave(tab);
      else if (wish.kind === "now" && tab.address) this.streams.get(tab.address)?.stream.now();
      this.forget();
    };
  }

  private watch(tab: Tab, address: string): void {
    if (tab.address === address) return;
    this.unwatch(tab);
    this.tabs.add(tab);
    const shared = this.streams.get(address) ?? this.open(address);
    if (!shared) return tab.tell({ kind: "crowded" });
    tab.address = address;
    shared.tabs.add(tab);
    if (shared.hello) tab.tell({ kind: "hello", data: shared.hello });
    if (shared.lost) tab.tell(shared.lost);
  }

  private open(address: string): Shared | null {
    if (this.streams.size >= STREAMS_MAX) return null;
    const shared: Shared = { tabs: new Set(), hello: null, lost: null, stream: null as unknown as Stream };
    shared.stream = new Stream(address, (told) => {
      if (told.kind === "hello") [shared.hello, shared.lost] = [told.data, null];
      else if (told.kind === "lost") shared.lost = told;
      else if (told.kind === "venue" && shared.hello) {
        const others = shared.hello.venues.filter((one) => one.venue !== told.data.venue);
        shared.hello = { ...shared.hello, venues: [...others, told.data] };
      }
      for (const tab of shared.tabs) tab.tell(told);
    });
    this.streams.set(address, shared);
    return shared;
  }

  private unwatch(tab: Tab): void {
    const shared = tab.address === null ? undefined : this.streams.get(tab.address);
    if (shared) {
      shared.tabs.delete(tab);
      if (shared.tabs.size === 0) {
        shared.stream.close();
        this.streams.delete(tab.address!);
      }
    }
    tab.address = null;
  }

  private leave(tab: Tab): void {
    this.unwatch(tab);
    this.tabs.delete(tab);
  }

  private forget(): void {
    const oldest = Date.now() - GONE_MS;
    for (const tab of [...this.tabs]) if (tab.heardMs < oldest) this.leave(tab);
  }
}
