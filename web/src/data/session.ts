// Who we are for the server, and what we may.
import { ApiError, get } from "../lib/api.ts";
import { Cell } from "../lib/cell.ts";
import type { ShownSession } from "./contract.ts";

const NOBODY: ShownSession = { kind: "anonymous", name: "", role: null, scopes: [], expires_at: null, guarded: false, demo: false, sign_in: null };

export const session = new Cell<ShownSession>(NOBODY);
/** Whether the server has said so yet. */
export const known = new Cell(false);

export async function refresh(): Promise<void> {
  try {
    session.value = await get<ShownSession>("session");
    known.value = true;
  } catch (error) {
    known.value = (error as ApiError).status !== 0;
  }
}

/** Whether a login would show more. */
export const mustSignIn = (): boolean =>
  session.value.kind === "anonymous" && !session.value.scopes.includes("read:metrics");
