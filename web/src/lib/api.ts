// Questions to the API. What goes wrong is one error type that says what, and the request's id.
import type { Problem } from "../data/contract.ts";
import { api } from "./place.ts";

export class ApiError extends Error {
  constructor(
    message: string,
    /** 0 where there was no answer at all. */
    readonly status: number,
    readonly problem: Problem | null = null,
  ) {
    super(message);
  }

  /** What is wrong with a field, or a part of it, as the server says it. */
  about(field: string): string | null {
    const found = this.problem?.errors?.find((one) => one.field.split(/[.[]/)[0] === field);
    return found ? found.message + (found.allowed ? ` (allowed: ${found.allowed})` : "") : null;
  }
}

export interface Answer<T> {
  body: T;
  etag: string | null;
}

/** A slot that closes, or too many questions at once: asked once more, as the server says when. */
const AGAIN_S_MAX = 5;
/** A read without its whole answer after so long has failed: one may try again. */
const ANSWER_MS = 45_000;

interface Asked {
  method?: string;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Ask `path`, which is below `/api/v1/`. Throws ApiError, or AbortError where it was given up. */
export async function ask<T>(path: string, asked: Asked = {}, again = true): Promise<Answer<T>> {
  const { method = "GET", body, headers = {}, signal } = asked;
  const change = method !== "GET";
  const late = new AbortController();
  const timer = change ? undefined : setTimeout(() => late.abort(), ANSWER_MS);
  let answer: Response;
  let told: unknown = null;
  try {
    answer = await fetch(new URL(path, api), {
      method,
      cache: "no-cache",
      credentials: "same-origin",
      headers: {
        Accept: "application/json",
        ...(change ? { "Content-Type": "application/json", "X-Sigmawatch": "1" } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    });
    if (answer.ok && answer.status !== 204) told = await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(late.signal.aborted ? "The server has not answered in time" : "The server does not answer", 0);
  } finally {
    clearTimeout(timer);
  }
  const waitS = Number(answer.headers.get("retry-after") ?? NaN);
  if (again && !change && [429, 503].includes(answer.status) && waitS <= AGAIN_S_MAX) {
    await new Promise((resolve) => setTimeout(resolve, waitS * 1000));
    return ask<T>(path, asked, false);
  }
  if (!answer.ok) throw await refusal(answer);
  return { body: told as T, etag: answer.headers.get("etag") };
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await ask<T>(path, signal ? { signal } : {})).body;

export const send = async <T>(method: string, path: string, body?: unknown, etag?: string): Promise<T> =>
  (await ask<T>(path, { method, body, ...(etag ? { headers: { "If-Match": etag } } : {}) })).body;

async function refusal(answer: Response): Promise<ApiError> {
  const told = answer.headers.get("content-type")?.startsWith("application/problem+json");
  const problem = told ? ((await answer.json()) as Problem) : null;
  const why = problem?.errors?.[0]?.message ?? problem?.detail ?? answer.statusText;
  return new ApiError(why, answer.status, problem);
}

/** `a=1&b=2` of what is not empty. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return new URLSearchParams(kept.map(([name, value]) => [name, String(value)])).toString();
}
