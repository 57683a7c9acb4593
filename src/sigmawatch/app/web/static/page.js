// The first page: the ranking of one metric, again each time its answer changes. Names come from
// strangers, so text reaches the page through textContent only.
import { money, percent, plain, price, span } from "/static/format.js";

const REFRESH_MS = 5000;
const STORAGE_MS = 1000;
const STATES = { up: "up", starting: "dim", degraded: "warn", rate_limited: "warn", fresh: "dim" };
const at = (id) => document.getElementById(id);
const form = at("choice");
const known = new Map(); // address -> { etag, body, receivedMs }
let shown = 0;

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

async function load(address) {
  const before = known.get(address);
  const headers = before?.etag ? { "If-None-Match": before.etag } : {};
  const answer = await fetch(address, { headers, cache: "no-store" });
  if (answer.status === 304) return before;
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.detail} (request ${body.request_id})`);
  const now = { etag: answer.headers.get("ETag"), body, receivedMs: Date.now() };
  known.set(address, now);
  return now;
}

function rowOf(item, volume, heldMs) {
  const row = document.createElement("tr");
  const change = item.change_pct;
  const rank = item.rank ?? (item.provisional ? `${item.provisional_rank}*` : "–");
  const rankCell = element("td", rank, "number");
  rankCell.title = item.rank_reason ?? item.rank_text ?? "";
  const value = element("td", price(item.value), "number");
  value.title = item.value ?? "unknown";
  const age = item.age_s === null ? null : item.age_s + heldMs / 1000;
  const market = element("td", item.pair);
  market.append(element("span", item.venue, "narrow dim"));
  row.append(
    rankCell, market, element("td", item.venue, "wide dim"), value,
    element("td", percent(change), change > 0 ? "number up" : change < 0 ? "number down" : "number"),
    element("td", plain(item.sigma_rel, 4), "number"),
    element("td", plain(item.sigma_ret, 4), "number wide"),
    element("td", money(volume), "number wide"),
    element("td", [item.state, ...item.marks].join(" · "), `wide ${STATES[item.state] ?? "warn"}`),
    element("td", span(age), "number wide dim"),
  );
  return row;
}

function show(ranking, volumes, held) {
  const byMarket = new Map(volumes.items.map((item) => [item.market, item.value]));
  const rows = ranking.items.map((item) => rowOf(item, byMarket.get(item.market), held));
  const empty = element("td", "No market yet: venues are starting", "dim");
  empty.colSpan = 10;
  at("rows").replaceChildren(...(rows.length ? rows : [empty]));
  const more = ranking.next_cursor ? `, first ${ranking.items.length}` : "";
  const slot = ranking.slot ? ` · slot ${ranking.slot.slice(11, 16)} UTC` : "";
  at("count").textContent =
    `${ranking.of} ranked, ${ranking.excluded} excluded of ${ranking.total}${more}${slot}`;
  at("demo").hidden = !ranking.demo;
}

function showVenues(venues) {
  at("venues").replaceChildren(...venues.map((venue) => {
    const item = element("li", `${venue.name} ${venue.state}`, STATES[venue.state] ?? "bad");
    const stored = venue.durable_through;
    const through = stored ? `on disk through ${stored.slice(11, 19)} UTC` : "nothing on disk yet";
    item.title = venue.detail ? `${venue.detail} · ${through}` : through;
    return item;
  }));
}

function showJobs(jobs) {
  const open = jobs.filter((job) => job.finished_at === null && job.total > 0);
  at("jobs").hidden = open.length === 0;
  at("jobs").textContent = "Filling in the last day: " +
    open.map((job) => `${job.venue} ${job.done} of ${job.total}`).join(", ");
}

async function refresh() {
  const turn = ++shown;
  const chosen = new URLSearchParams(new FormData(form));
  try {
    const [ranking, volumes, venues, jobs] = await Promise.all([
      load(`/api/v1/ranking?${chosen}&limit=1000`),
      load("/api/v1/metrics?metric=volume_24h_quote&limit=1000"),
      load("/api/v1/venues"), load("/api/v1/jobs"),
    ]);
    if (turn !== shown) return; // a later choice is under way
    at("trouble").hidden = true;
    show(ranking.body, volumes.body, Date.now() - ranking.receivedMs);
    showVenues(venues.body.items);
    showJobs(jobs.body.items);
  } catch (error) {
    at("trouble").hidden = false;
    at("trouble").textContent = `No answer from the server: ${error.message}. Trying again.`;
  }
}

async function watchStorage() {
  for (;;) {
    try {
      const { body } = await load("/api/v1/storage");
      at("storage").hidden = body.state === "ok";
      at("storage").textContent =
        `Storage ${body.state.replace("_", " ")} for ${span(body.age_s)}: ${body.reason}. ` +
        "What you see is stored; nothing new is shown until it can be.";
    } catch {} // refresh() says so
    await new Promise((resolve) => setTimeout(resolve, STORAGE_MS));
  }
}

async function start() {
  const wanted = new URLSearchParams(location.search);
  const { body } = await load("/api/v1");
  const options = body.metrics.map((metric) => new Option(metric.name, metric.name));
  form.metric.replaceChildren(...options);
  for (const name of ["metric", "by", "window"]) {
    const choice = wanted.get(name);
    if ([...form[name].options].some((option) => option.value === choice)) form[name].value = choice;
  }
  form.addEventListener("change", () => {
    history.replaceState(null, "", `?${new URLSearchParams(new FormData(form))}`);
    refresh();
  });
  watchStorage();
  for (;;) {
    await refresh();
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}

start();
