// What the style sheet asks of the window, asked by scripts.
import { useEffect, useState } from "preact/hooks";

export const wideNow = matchMedia("(min-width: 1100px)");
/** A phone: a market stands in place of the table. */
export const narrowNow = matchMedia("(max-width: 719px)");

export function useMedia(query: MediaQueryList): boolean {
  const [matches, set] = useState(query.matches);
  useEffect(() => {
    const look = () => set(query.matches);
    look();
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return matches;
}
