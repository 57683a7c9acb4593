// A field whose text counts once it is entered. What is being typed stays, however often the page
// around it is drawn anew meanwhile.
import { useState } from "preact/hooks";

export interface TypedProps {
  label: string;
  value: string;
  set: (text: string) => void;
  class?: string;
  list?: string;
  placeholder?: string;
  numeric?: boolean;
}

export function Typed({ label, value, set, numeric, ...more }: TypedProps) {
  const [draft, setDraft] = useState<string | null>(null);
  return (
    <input
      type="text" {...more} {...(numeric ? { inputMode: "decimal" as const } : {})} aria-label={label} spellcheck={false} value={draft ?? value}
      onInput={(event) => setDraft(event.currentTarget.value)}
      onChange={(event) => {
        setDraft(null);
        set(event.currentTarget.value);
      }}
      onBlur={() => setDraft(null)}
    />
  );
}
