// A form told as data. What is wrong with a field stands under it, in the server's words; a change
// that somebody else was faster with says so, and offers what is there now.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { session } from "../data/session.ts";
import { ApiError } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";

export interface FieldOf {
  name: string;
  label: string;
  /** lines: one thing a line. Without: a text, or a choice where there is `among`. */
  type?: "password" | "number" | "check" | "lines";
  among?: readonly string[];
  /** What one may begin with; anything else is a text, too. */
  suggest?: readonly string[];
  value?: string | boolean;
  hint?: string;
  required?: boolean;
  /** Behind *More*. */
  more?: boolean;
}

export type Given = Record<string, string | boolean>;

export interface FormProps {
  name: string;
  fields: readonly FieldOf[];
  /** What the button says. */
  act: string;
  submit: (given: Given) => Promise<unknown>;
  close?: () => void;
  typed?: (given: Given) => void;
  /** Where somebody was faster: shows what is there now. */
  newer?: () => void;
  children?: ComponentChildren;
}

export const texts = (given: Given, name: string): string => String(given[name] ?? "").trim();
export const listed = (given: Given, name: string, by = /[,\n]/): string[] =>
  texts(given, name).split(by).map((one) => one.trim()).filter(Boolean);
export const lines = (given: Given, name: string): string[] => listed(given, name, /\n/);

export function Form({ name, fields, act, submit, close, typed, newer, children }: FormProps) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const read = (form: HTMLFormElement): Given => Object.fromEntries(fields.map((one) => [one.name, valueOf(form, one)]));
  const enter = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await submit(read(event.currentTarget as HTMLFormElement));
      setError(null);
    } catch (caught) {
      setError(caught as ApiError);
    }
    setBusy(false);
  };
  const [first, more] = [fields.filter((one) => !one.more), fields.filter((one) => one.more)];
  const shown = (one: FieldOf) => <Field key={one.name} field={one} wrong={error?.about?.(one.name) ?? null} />;
  const said = error && !fields.some((one) => error.about?.(one.name));
  return (
    <form class="edit panel-2" aria-label={name} onSubmit={enter} onInput={(event) => typed?.(read(event.currentTarget))}>
      <h3>{name}</h3>
      <div class="fields">{first.map(shown)}</div>
      {more.length > 0 && <details open={more.some((one) => error?.about?.(one.name))}><summary>More</summary><div class="fields">{more.map(shown)}</div></details>}
      {children}
      {said && <p class="bad" role="alert">{error.message} {error.status === 412 && newer && <button type="button" onClick={newer}>Show what is there now</button>}</p>}
      <p class="actions">
        <button class="primary" disabled={busy}>{act}</button>
        {close && <button type="button" onClick={close}>Cancel</button>}
      </p>
    </form>
  );
}

function valueOf(form: HTMLFormElement, { name, type }: FieldOf): string | boolean {
  const control = form.elements.namedItem(name) as HTMLInputElement;
  return type === "check" ? control.checked : control.value;
}

function Field({ field, wrong }: { field: FieldOf; wrong: string | null }) {
  const { name, label, type, among, suggest, value, hint, required } = field;
  const id = useId();
  const told = wrong || hint ? { "aria-describedby": `${id}-told` } : {};
  const given = { name, id, required: required ?? false, "aria-invalid": wrong !== null, ...told };
  const text = typeof value === "string" ? value : "";
  return (
    <div class={type === "check" ? "field check" : "field"}>
      <label for={id}>{label}</label>
      {among ? (
        <select {...given}>{among.map((one) => <option key={one} value={one} selected={one === text}>{one}</option>)}</select>
      ) : type === "check" ? (
        <input type="checkbox" {...given} defaultChecked={value === true} />
      ) : type === "lines" ? (
        <textarea rows={2} spellcheck={false} {...given} defaultValue={text} />
      ) : type === "password" ? (
        <input type="password" autocomplete="new-password" {...given} defaultValue={text} />
      ) : type === "number" ? (
        <input type="number" step="any" {...given} defaultValue={text} />
      ) : (
        <input type="text" spellcheck={false} autocomplete="off" {...(suggest ? { list: `${id}-list` } : {})} {...given} defaultValue={text} />
      )}
      {suggest && <datalist id={`${id}-list`}>{suggest.map((one) => <option key={one} value={one} />)}</datalist>}
      {(wrong || hint) && <small id={`${id}-told`} class={wrong ? "bad" : "dim"}>{wrong ?? hint?.replaceAll("`", "")}</small>}
    </div>
  );
}

/** A button that opens a form in its place. */
export function Opened({ name, children }: { name: string; children: (close: () => void) => ComponentChildren }) {
  const [open, setOpen] = useState(false);
  return open ? <>{children(() => setOpen(false))}</> : <button class="opens" onClick={() => setOpen(true)}>{name}</button>;
}

/** A button for what cannot be undone: asks once more. */
export function Sure({ act, sure = `Really ${act.toLowerCase()}?`, run }: { act: string; sure?: string; run: () => unknown }) {
  const [asked, setAsked] = useState(false);
  const press = () => {
    setAsked(!asked);
    if (asked) void run();
  };
  return <button class={asked ? "danger" : ""} onClick={press} onBlur={() => setAsked(false)}>{asked ? sure : act}</button>;
}

/** Why there are no buttons here, for who may not do it. */
export function Why({ scope, not }: { scope: string; not: string }) {
  const { scopes } = useCell(session);
  return scopes.includes(scope) ? null : <p class="dim">You may look, not {not}: that takes the scope {scope}.</p>;
}
