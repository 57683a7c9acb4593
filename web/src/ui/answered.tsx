// What an address answers, as part of a page: waited for, shown, or why there is none.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { onEpisode } from "../data/feed.ts";
import { ApiError, get } from "../lib/api.ts";
import { Failed } from "./failed.tsx";

/** What an address answers, asked again when an episode opens or closes. */
export function useAnswer<T>(path: string): { body: T | null; error: ApiError | null; again: () => void } {
  const [told, setTold] = useState<{ body: T | null; error: ApiError | null }>({ body: null, error: null });
  const again = () => {
    get<T>(path).then((body) => setTold({ body, error: null }), (error: ApiError) => setTold({ body: null, error }));
  };
  useEffect(() => {
    setTold({ body: null, error: null });
    again();
    return onEpisode(again);
  }, [path]);
  return { ...told, again };
}

/** A part that waits for an answer, or says why there is none. */
export function Answered<T>({ of, children }: { of: { body: T | null; error: ApiError | null; again: () => void }; children: (body: T) => ComponentChildren }) {
  if (of.error) return <Failed error={of.error} again={of.again} />;
  if (of.body === null) return <p class="dim" role="status">Loading</p>;
  return <>{children(of.body)}</>;
}
