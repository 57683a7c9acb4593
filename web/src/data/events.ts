// Server-sent events over fetch: unlike EventSource it sees comments (the sign of life), the status
// of a refusal, and lets us say when to try again. https://html.spec.whatwg.org/#event-stream
import { type SentDelta, taken } from "./delta.ts";
import type { Told } from "./wire.ts";

/** Nothing at all for so long, and the connection counts as lost: the server writes every 15 s. */
const SILENT_MS = 40_000;
/** A sign of life is told so often at most: one large event comes in dozens of pieces. */
const ALIVE_MS = 1_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

type Hear = (told: Told) => void;

export class Stream {
  private lastId: string | null = null;
  private failures = 0;
  private again: ReturnType<typeof setTimeout> | undefined;
  private running: AbortController | null = null;
  private closed = false;
  private aliveAt = 0;

  constructor(
    private readonly address: string,
    private readonly hear: Hear,
  ) {
    void this.open();
  }

  /** Try at once, where we wait to try again. */
  now(): void {
    if (this.running || this.closed) return;
    clearTimeout(this.again);
    void this.open();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.again);
    this.running?.abort();
  }

  private async open(): Promise<void> {
    const running = (this.running = new AbortController());
    let status = 0;
    let asked: string | null = null;
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.lastId) headers["Last-Event-ID"] = this.lastId;
      const answer = await fetch(this.address, {
        headers, signal: running.signal, cache: "no-store", credentials: "same-origin",
      });
      status = answer.status;
      asked = answer.headers.get("retry-after");
      if (answer.ok && answer.body) {
        this.failures = 0;
        await this.read(answer.body, running);
      }
    } catch {
      // Lost, cut or never there: what follows is the same.
    }
    this.running = null;
    if (!this.closed) this.wait(status, asked);
  }

  private wait(status: number, asked: string | null): void {
    const backOff = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.failures++);
    const waitMs = asked && /^\d+$/.test(asked) ? Number(asked) * 1000 : backOff * (0.75 + Math.random() / 2);
    const at = Date.now();
    this.again = setTimeout(() => void this.open(), waitMs);
    this.hear({ kind: "lost", at, againAt: at + waitMs, status });
  }

  private async read(body: ReadableStream<Uint8Array>, running: AbortController): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
    let begun = ""; // of an event whose end has not come
    for (;;) {
      const silence = setTimeout(() => running.abort(), SILENT_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      this.alive();
      const ends = value.includes("\n\n") || (begun.endsWith("\n") && value.startsWith("\n"));
      begun += value; // looked at whole only where an event ends in it
      if (!ends) continue;
      const whole = begun.split("\n\n");
      begun = whole.pop()!;
      whole.forEach((event) => this.tell(event));
    }
  }

  private alive(): void {
    const at = Date.now();
    if (at - this.aliveAt < ALIVE_MS) return;
    this.aliveAt = at;
    this.hear({ kind: "alive", at });
  }

  private tell(event: string): void {
    let name = "";
    let data = "";
    for (const line of event.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("id: ")) this.lastId = line.slice(4);
    }
    if (name === "reset") this.hear({ kind: "reset" });
    else if (name === "delta") this.hear({ kind: "delta", data: taken(JSON.parse(data) as SentDelta) });
    else if (name === "hello" || name === "venue" || name === "episode") {
      this.hear({ kind: name, data: JSON.parse(data) } as Told);
    }
  }
}
