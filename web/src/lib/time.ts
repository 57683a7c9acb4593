// Moments as people read them, in their zone or UTC.
import { Cell } from "./cell.ts";
import { settings } from "./settings.ts";

/** Seconds pass: for ages. Hidden tabs need none. */
export const clock = new Cell(Date.now());
setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1000);

export const zone = (): string =>
  settings.value.zone === "UTC" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;

const makers = new Map<string, Intl.DateTimeFormat>();
function maker(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options) + zone();
  let made = makers.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone() });
    makers.set(key, made);
  }
  return made;
}

/** 22:06 */
export const clockTime = (ms: number): string =>
  maker({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms);

/** 22 Nov 22:06 */
export const moment = (ms: number): string =>
  maker({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(ms).replace(",", "");

/** 22 Nov */
export const day = (ms: number): string => maker({ day: "numeric", month: "short" }).format(ms);

/** The zone's short name beside a clock: UTC, CET. */
export const zoneName = (): string =>
  maker({ timeZoneName: "short", hour: "numeric" }).formatToParts().find((part) => part.type === "timeZoneName")?.value ?? zone();
