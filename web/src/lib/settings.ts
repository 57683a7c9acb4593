// What a person likes, kept in this browser alone. Storage may be forbidden: then it lasts as long
// as the page.
import { Cell } from "./cell.ts";

export const THEMES = ["system", "dark", "light"] as const;
export const PALETTES = ["classic", "safe", "east"] as const;
export const ZONES = ["browser", "UTC"] as const;
export const DENSITIES = ["regular", "compact"] as const;

export interface Settings {
  theme: (typeof THEMES)[number];
  palette: (typeof PALETTES)[number];
  zone: (typeof ZONES)[number];
  density: (typeof DENSITIES)[number];
  /** Whether single letters are shortcuts. */
  letters: boolean;
  /** Markets that are marked, by their public names. */
  stars: string[];
}

const KEY = "sigmawatch";
const FIRST: Settings = {
  theme: "system", palette: "classic", zone: "browser", density: "regular", letters: true, stars: [],
};

export const settings = new Cell<Settings>(read());

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.value, ...part };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.value));
  } catch {
    // not kept
  }
}

export function star(market: string): void {
  const { stars } = settings.value;
  const others = stars.filter((one) => one !== market);
  change({ stars: others.length < stars.length ? others : [...stars, market] });
}

function read(): Settings {
  try {
    return { ...FIRST, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return FIRST;
  }
}

const light = matchMedia("(prefers-color-scheme: light)");

/** The theme that is drawn; canvases ask, for they have no style sheet. */
export const drawn = new Cell("");

function apply(): void {
  const { theme, palette, density } = settings.value;
  const asked = new URLSearchParams(location.search).get("theme") ?? theme;
  const data = document.documentElement.dataset;
  data.theme = asked === "system" ? (light.matches ? "light" : "dark") : asked;
  data.palette = palette;
  data.density = density;
  drawn.value = `${data.theme} ${palette} ${density}`;
}

settings.watch(apply);
light.addEventListener("change", apply);
// Paper is white, whatever the screen shows.
addEventListener("beforeprint", () => (document.documentElement.dataset.theme = "light"));
addEventListener("afterprint", apply);
apply();

const tokens = new Map<string, string>();
drawn.watch(() => tokens.clear());

/** The value of a token of the style sheet; read once, for that has the page laid out. */
export function token(name: string): string {
  let value = tokens.get(name);
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    tokens.set(name, value);
  }
  return value;
}
