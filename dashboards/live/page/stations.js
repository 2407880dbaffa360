// The stations: which of them are shown, and in which order.
import { $, NARROW, text } from "./dom.js";
import { fill, newRow, tick } from "./row.js";

const RESORT_MS = 4000; // rows do not jump more often than that
const STEP = NARROW.matches ? 40 : 100; // rows shown at first, and added by the button

const stations = new Map(); // id -> view
const rows = new Map(); // id -> row
let order = []; // ids that match, sorted
let limit = STEP, filter = "all", words = "", sort = ["id", 1], sortedAt = 0;

const compare = new Intl.Collator("en", { numeric: true }).compare;
const openAlarms = (view) => Object.values(view.alarms).reduce((sum, count) => sum + count, 0);
const isNow = (state) => (view) => view.evses.some((evse) => evse.connectors.some((one) => one.state === state && !one.stale));

const FILTERS = {
  all: () => true,
  charging: isNow("charging"),
  faulted: isNow("faulted"),
  offline: (view) => view.online === false,
  alarms: (view) => openAlarms(view) > 0,
};
const KEYS = {
  id: (view) => view.id,
  power: (view) => view.power_w ?? -1,
  energy: (view) => view.energy_wh,
  alarms: openAlarms,
};

/** Take the views of stations that changed; `whole`: there are no others. */
export function takeStations(views, whole) {
  if (whole) {
    stations.clear();
    for (const id of [...rows.keys()]) drop(id);
  }
  let added = whole;
  for (const view of views) {
    added ||= !stations.has(view.id);
    stations.set(view.id, view);
  }
  if (views.length) $("rows").style.setProperty("--strongest", String(strongest()));
  arrange(added || performance.now() - sortedAt > RESORT_MS);
  if (whole || views.length) countFilters();
}

export function tickStations() {
  for (const row of rows.values()) tick(row);
}

/** What fills a bar: 22, 50, 150 or 350 kW, by the strongest station. */
function strongest() {
  let most = 0;
  for (const view of stations.values()) most = Math.max(most, view.power_w ?? 0);
  return [22_000, 50_000, 150_000].find((limit) => most <= limit * 1.02) ?? Math.max(350_000, most);
}

function matches(view) {
  if (!FILTERS[filter](view)) return false;
  return !words || `${view.id} ${view.site} ${view.model ?? ""}`.toLowerCase().includes(words);
}

function arrange(anew) {
  if (anew) {
    const [name, direction] = sort;
    const key = KEYS[name];
    order = [...stations.values()].filter(matches);
    order.sort((a, b) => (name === "id" ? 0 : direction * (key(a) - key(b))) || (name === "id" ? direction : 1) * compare(a.id, b.id));
    order = order.map((view) => view.id);
    sortedAt = performance.now();
  }
  const shown = order.slice(0, limit);
  const wanted = new Set(shown);
  for (const id of [...rows.keys()]) if (!wanted.has(id)) drop(id);
  let before = null;
  for (const id of shown) {
    const element = show(id);
    const place = before ? before.nextSibling : $("rows").firstChild;
    if (element !== place) $("rows").insertBefore(element, place);
    before = element;
  }
  $("more").hidden = order.length <= limit;
  text($("more"), `Show ${Math.min(STEP, order.length - limit)} more of ${order.length - limit}`);
  $("no-stations").hidden = order.length > 0;
  text($("no-stations"), stations.size ? "No station matches." : "No station has been heard of yet. As soon as one connects, it is here.");
}

function show(id) {
  if (!rows.has(id)) rows.set(id, newRow());
  const row = rows.get(id);
  fill(row, stations.get(id));
  return row.element;
}

function drop(id) {
  rows.get(id)?.element.remove();
  rows.delete(id);
}

const filterButtons = document.querySelectorAll("[data-filter]");

function countFilters() {
  for (const button of filterButtons) {
    let count = 0;
    for (const view of stations.values()) if (FILTERS[button.dataset.filter](view)) count += 1;
    text(button.querySelector("i"), String(count));
  }
}

// --- what people do

$("search").addEventListener("input", (event) => {
  words = event.target.value.trim().toLowerCase();
  limit = STEP;
  arrange(true);
});
for (const button of filterButtons) {
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    limit = STEP;
    for (const each of filterButtons) each.setAttribute("aria-pressed", String(each === button));
    arrange(true);
  });
}
for (const header of document.querySelectorAll("[data-sort]")) {
  header.querySelector("button").addEventListener("click", () => {
    const name = header.dataset.sort;
    sort = [name, sort[0] === name ? -sort[1] : name === "id" ? 1 : -1];
    for (const each of document.querySelectorAll("[data-sort]")) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", sort[1] > 0 ? "ascending" : "descending");
    arrange(true);
  });
}
$("more").addEventListener("click", () => {
  limit += STEP;
  arrange(false);
});
