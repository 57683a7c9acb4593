// Where we are served: below any path, and with the API elsewhere where the page says so.

const meta = document.querySelector<HTMLMetaElement>('meta[name="sigmawatch-api"]')?.content;

/** Below which the page's routes lie; the built modules stand in `static/` there. */
export const root = new URL(import.meta.env.DEV ? "/" : "..", import.meta.url);

/** Of the API, ending in a slash: the meta element's, else beside the page. */
export const api = new URL(meta || "api/v1/", root);

/** An address of ours: `/venues` below the root. */
export const inside = (path: string): string => root.pathname + path.replace(/^\//, "");

/** The route of the address bar, beginning with a slash. */
export const routeNow = (): string => `/${location.pathname.slice(root.pathname.length)}`;
