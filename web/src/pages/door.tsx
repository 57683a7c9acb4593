// Signing in, and the first set-up: without the bar, for there is nothing to see yet.
import { useState } from "preact/hooks";
import type { ShownSession } from "../data/contract.ts";
import { session } from "../data/session.ts";
import { ApiError, send } from "../lib/api.ts";
import { useCell } from "../lib/cell.ts";
import { inside } from "../lib/place.ts";
import { follow, go } from "../lib/url.ts";
import { Mark } from "../ui/shell.tsx";

export function Door({ first }: { first: boolean }) {
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const { sign_in: provider } = useCell(session);
  const enter = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(event.currentTarget as HTMLFormElement));
    setBusy(true);
    try {
      session.value = await send<ShownSession>("POST", first ? "setup" : "session", given);
      go("");
    } catch (caught) {
      setError(caught as ApiError);
    }
    setBusy(false);
  };
  return (
    <main id="main" class="door">
      <form class="box" onSubmit={enter}>
        <p class="brand"><Mark />sigmawatch</p>
        <h1>{first ? "The first user" : "Sign in"}</h1>
        {first && <p class="dim">The program printed a token when it started; it makes you the admin, once.</p>}
        {first && <Field name="token" label="Token" error={error} />}
        <Field name="name" label="Name" error={error} complete="username" />
        <Field name="password" label="Password" type="password" error={error} complete={first ? "new-password" : "current-password"} />
        {error && <p class="bad" role="alert">{error.message}</p>}
        <button class="primary" disabled={busy}>{first ? "Create" : "Sign in"}</button>
        {!first && provider && <a class="button" href={inside(provider.address)}>Continue with {provider.name}</a>}
        <p class="dim"><a class="open" href={inside(first ? "sign-in" : "set-up")} onClick={follow}>{first ? "There is a user already" : "There is no user yet"}</a></p>
      </form>
    </main>
  );
}

function Field({ name, label, type = "text", complete, error }: { name: string; label: string; type?: "text" | "password"; complete?: string; error: ApiError | null }) {
  const wrong = error?.about(name) ?? null;
  const given = { name, required: true, autocomplete: complete ?? "off", "aria-invalid": wrong !== null };
  return (
    <label class="field">{label}
      {type === "password" ? <input type="password" {...given} /> : <input {...given} />}
      {wrong && <span class="bad">{wrong}</span>}
    </label>
  );
}
