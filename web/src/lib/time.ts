// Moments as people read them, in their zone or UTC.
import { Cell } from "./cell.ts";
import { settings } from "./settings.ts";

/** Seconds pass: for ages. Hidden tabs need none. */
export const clock = new Cell(Date.now());
setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1000);

/** Asked for once: it takes longer than all else that a moment needs. */
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
export const zone = (): string => (settings.value.zone === "UTC" ? "UTC" : here);

/** What formats by `options` in the zone of now, made once a zone. */
function formatter(options: Intl.DateTimeFormatOptions): () => Intl.DateTimeFormat {
  const made = new Map<string, Intl.DateTimeFormat>();
  return () => {
    const timeZone = zone();
    let found = made.get(timeZone);
    if (!found) made.set(timeZone, (found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone })));
    return found;
  };
}

const HOURS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const DAYS = { day: "numeric", month: "short" } as const;
const hours = formatter(HOURS);
const moments = formatter({ ...DAYS, ...HOURS });
const days = formatter(DAYS);
const zones = formatter({ timeZoneName: "short", hour: "numeric" });

/** 22:06 */
export const clockTime = (ms: number): string => hours().format(ms);

/** 22 Nov 22:06 */
export const moment = (ms: number): string => moments().format(ms).replace(",", "");

/** 22 Nov */
export const day = (ms: number): string => days().format(ms);

/** The zone's short name beside a clock: UTC, CET. */
export const zoneName = (): string =>
  zones().formatToParts().find((part) => part.type === "timeZoneName")?.value ?? zone();
