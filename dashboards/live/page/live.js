// The page: one stream of events in, rows out. Every text of a station goes in as textContent, never as markup.
import { duration, nameOf, scaled, spark, stamp, stateOf } from "./format.js";

const RESORT_MS = 4000; // rows do not jump more often than that
const NARROW = matchMedia("(max-width: 1120px)"); // alarms stand above the stations
const STEP = NARROW.matches ? 40 : 100; // rows shown at first, and added by the button
const alarmsShown = () => (NARROW.matches ? 3 : 8);

const $ = (id) => document.getElementById(id);
const stations = new Map(); // id -> view
const rows = new Map(); // id -> {row, view, ages: [[element, since ms]]}
let order = []; // ids that match, sorted
let alarms = [];
let fleet = null; // the last message
let clockAt = [0, 0, 1]; // clock's ms, page's ms, speed
let limit = STEP, allAlarms = false, filter = "all", words = "", sort = ["id", 1], sortedAt = 0;

const compare = new Intl.Collator("en", { numeric: true }).compare;
const clockNow = () => clockAt[0] + (performance.now() - clockAt[1]) * clockAt[2];

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

// --- the stream ---------------------------------------------------------------------------------------------------

function connect() {
  const source = new EventSource("events");
  source.addEventListener("snapshot", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("delta", (event) => take(JSON.parse(event.data), false));
  source.onerror = () => link("lost", "Reconnecting");
  source.onopen = () => link("live", "Live");
}

function link(state, words) {
  $("link").dataset.state = state;
  text($("link-text"), words);
}

function take(message, whole) {
  fleet = message;
  clockAt = [message.now, performance.now(), message.speed];
  if (whole) {
    stations.clear();
    for (const id of [...rows.keys()]) drop(id);
  }
  let added = whole;
  for (const view of message.stations) {
    added ||= !stations.has(view.id);
    stations.set(view.id, view);
  }
  if (message.alarms) alarms = message.alarms;
  if (message.stations.length) $("rows").style.setProperty("--strongest", String(strongest()));
  link("live", message.caught_up ? "Live" : "Catching up");
  arrange(added || performance.now() - sortedAt > RESORT_MS);
  if (whole || message.alarms) showAlarms();
  showFigures();
  showNotice();
}

// --- which rows, in which order -------------------------------------------------------------------------------------

const FILTERS = {
  all: () => true,
  charging: (view) => view.evses.some((evse) => evse.connectors.some((one) => one.state === "charging")),
  faulted: (view) => view.evses.some((evse) => evse.connectors.some((one) => one.state === "faulted")),
  offline: (view) => view.online === false,
  alarms: (view) => view.alarms > 0,
};
const KEYS = {
  id: (view) => view.id,
  power: (view) => view.power_w ?? -1,
  energy: (view) => view.energy_wh,
  alarms: (view) => view.alarms,
};

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
    const row = show(stations.get(id));
    const place = before ? before.nextSibling : $("rows").firstChild;
    if (row !== place) $("rows").insertBefore(row, place);
    before = row;
  }
  $("more").hidden = order.length <= limit;
  text($("more"), `Show ${Math.min(STEP, order.length - limit)} more of ${order.length - limit}`);
  showEmpty();
}

function drop(id) {
  rows.get(id)?.row.remove();
  rows.delete(id);
}

function showEmpty() {
  $("no-stations").hidden = order.length > 0;
  if (order.length) return;
  const none = stations.size === 0;
  text($("no-stations"), none ? "No station has been heard of yet. As soon as one connects, it is here." : "No station matches.");
}

// --- a row ------------------------------------------------------------------------------------------------------------

function cell(className, label) {
  const td = make("td", className);
  td.setAttribute("role", "cell");
  if (label) td.dataset.label = label;
  return td;
}

function newRow(id) {
  const name = make("b"), sub = make("small");
  const header = make("th", "station", name, sub);
  header.scope = "row";
  header.setAttribute("role", "rowheader");
  const cells = {
    link: cell("connection"), connectors: cell("connectors"), power: cell("number power", "Power"),
    energy: cell("number energy", "Energy"), alarms: cell("number count", "Alarms"),
  };
  const row = make("tr", "", header, ...Object.values(cells));
  row.setAttribute("role", "row");
  const made = { row, name, sub, cells, view: null, ages: [] };
  rows.set(id, made);
  return made;
}

function show(view) {
  const made = rows.get(view.id) ?? newRow(view.id);
  if (made.view === view) return made.row;
  made.view = view;
  made.ages = [];
  const { name, tenant } = nameOf(view.id);
  text(made.name, name);
  made.name.title = view.id;
  text(made.sub, [tenant, view.site === "default" ? "" : view.site, view.model].filter(Boolean).join(" · "));
  made.row.classList.toggle("is-offline", view.online === false);
  made.row.classList.toggle("is-faulted", FILTERS.faulted(view));
  showLink(made, view);
  showConnectors(made, view);
  showPower(made.cells.power, view);
  showEnergy(made, view);
  showCount(made.cells.alarms, view);
  return made.row;
}

function showLink(made, view) {
  const state = view.online === null ? "unknown" : view.online ? "online" : "offline";
  const words = { unknown: "Not seen yet", online: "Online", offline: "Offline" }[state];
  const age = make("span");
  if (view.since) aged(made, age, view.since);
  const proto = view.proto?.replace(/^ocpp/, "OCPP ") ?? "";
  const more = make("small", "", age, view.since && proto ? ` · ${proto}` : proto);
  made.cells.link.replaceChildren(make("span", `state ${state}`, icon(state), make("span", "", words)), more);
}

function showConnectors(made, view) {
  const several = view.evses.length > 1 || view.evses.some((evse) => evse.connectors.length > 1);
  const list = make("ul");
  for (const evse of view.evses) {
    for (const one of evse.connectors) {
      const { words, icon: name } = stateOf(one.state);
      const label = evse.connectors.length > 1 ? `${evse.evse}.${one.connector}` : `${evse.evse}`;
      const chip = make("li", `chip ${name}`, icon(name), several ? make("i", "", label) : null, make("span", "", words));
      const more = one.error ?? (one.state === "charging" ? chargingWords(evse, several) : null);
      if (more) chip.append(make("small", "", more));
      if (one.since) chip.title = `${words} since ${stamp(Date.parse(one.since))}`;
      list.append(chip);
    }
  }
  if (!list.children.length) list.append(make("li", "none", "–"));
  made.cells.connectors.replaceChildren(list);
}

function chargingWords(evse, several) {
  const parts = [];
  if (several && evse.power_w) parts.push((evse.mean ? "≈ " : "") + scaled(evse.power_w, "W").join(" "));
  if (evse.running?.soc_pct != null) parts.push(`${Math.round(evse.running.soc_pct)} %`);
  return parts.join(" · ");
}

function showPower(td, view) {
  if (view.power_w === null) return td.replaceChildren(make("span", "none", "not known"));
  if (!view.power_w) return td.replaceChildren(make("span", "none", "–"));
  const [number, unit] = scaled(view.power_w, "W");
  const bar = make("span", "bar");
  bar.style.setProperty("--power", String(Math.round(view.power_w)));
  const mean = view.evses.some((evse) => evse.mean);
  td.replaceChildren(make("span", "value", `${mean ? "≈ " : ""}${number}\u00a0`, make("small", "", unit)), bar);
  td.title = mean ? "Mean power between the last two readings: the meter tells no power" : "";
}

/** What fills a bar: 22, 50, 150 or 350 kW, by the strongest station. */
function strongest() {
  let most = 0;
  for (const view of stations.values()) most = Math.max(most, view.power_w ?? 0);
  return [22_000, 50_000, 150_000].find((limit) => most <= limit * 1.02) ?? Math.max(350_000, most);
}

function showEnergy(made, view) {
  const running = view.evses.map((evse) => evse.running).filter(Boolean);
  if (!running.length) return made.cells.energy.replaceChildren(make("span", "none", "–"));
  const [number, unit] = scaled(view.energy_wh, "Wh");
  const since = running.map((one) => one.started_at).filter(Boolean).sort()[0];
  const age = make("small", "age");
  if (since) aged(made, age, since);
  made.cells.energy.replaceChildren(make("span", "value", `${number}\u00a0`, make("small", "", unit)), age);
}

function showCount(td, view) {
  if (!view.alarms) return td.replaceChildren(make("span", "none", "–"));
  const severity = view.severity ?? "info";
  td.replaceChildren(make("span", `severity ${severity}`, icon(severity), make("span", "", `${view.alarms} ${severity}`)));
}

function aged(made, element, since) {
  const at = Date.parse(since);
  element.title = `since ${stamp(at)}`;
  made.ages.push([element, at]);
  text(element, duration(clockNow() - at));
}

// --- alarms, figures, notice ------------------------------------------------------------------------------------------

function showAlarms() {
  const shown = allAlarms ? alarms : alarms.slice(0, alarmsShown());
  $("alarms").replaceChildren(...shown.map(alarmItem));
  $("no-alarms").hidden = alarms.length > 0;
  $("more-alarms").hidden = alarms.length <= alarmsShown();
  text($("more-alarms"), allAlarms ? "Show fewer" : `Show all ${alarms.length}`);
}

function alarmItem(alarm) {
  const raised = Date.parse(alarm.raised_at);
  const place = nameOf(alarm.station);
  const where = [place.tenant, place.name, alarm.evse ? `evse ${alarm.evse}` : ""].filter(Boolean).join(" · ");
  const when = make("time");
  when.dateTime = alarm.raised_at;
  when.title = `raised ${stamp(raised)}`;
  when.dataset.raised = raised;
  if (!alarm.open) when.dataset.over = alarm.cleared_at ? Date.parse(alarm.cleared_at) : "";
  if (alarm.expired) when.dataset.expired = "";
  alarmAge(when);
  return make(
    "li", alarm.open ? "open" : "over",
    make("span", `severity ${alarm.severity}`, icon(alarm.severity), make("span", "", alarm.severity)),
    make("b", "", alarm.title), make("span", "where", where),
    alarm.detail ? make("span", "detail", alarm.detail) : null, when,
  );
}

function alarmAge(when) {
  const raised = Number(when.dataset.raised);
  if (when.dataset.over === undefined) return text(when, `open for ${duration(clockNow() - raised)}`);
  if (when.dataset.over === "" || when.dataset.expired !== undefined) return text(when, `over, raised ${duration(clockNow() - raised)} ago`);
  return text(when, `cleared after ${duration(Number(when.dataset.over) - raised)}`);
}

function showFigures() {
  const totals = fleet.totals;
  text($("f-online"), String(totals.online));
  text($("f-stations"), `of ${totals.stations}`);
  text($("f-charging"), String(totals.charging));
  text($("f-running"), totals.running === 1 ? "1 session" : `${totals.running} sessions`);
  for (const [id, value, unit] of [["power", totals.power_w, "W"], ["energy", totals.energy_wh, "Wh"]]) {
    const [number, scaledUnit] = scaled(value, unit);
    text($(`f-${id}`), number);
    text($(`f-${id}-unit`), scaledUnit);
  }
  const kinds = Object.entries(totals.alarms).filter(([, count]) => count);
  const open = kinds.reduce((sum, [, count]) => sum + count, 0);
  text($("f-alarms"), String(open));
  text($("f-alarms-kinds"), kinds.slice(0, 2).map(([kind, count]) => `${count} ${kind}`).join(", "));
  $("f-alarms-box").classList.toggle("raised", open > 0);
  text($("f-rate"), fleet.rate >= 10 ? fleet.rate.toFixed(0) : fleet.rate.toFixed(1));
  const { line, area } = spark(fleet.rates, 120, 32, 60);
  $("spark-line").setAttribute("d", line);
  $("spark-area").setAttribute("d", area);
  for (const button of document.querySelectorAll("[data-filter]")) {
    let count = 0;
    for (const view of stations.values()) if (FILTERS[button.dataset.filter](view)) count += 1;
    text(button.querySelector("i"), String(count));
  }
}

function showNotice() {
  const quiet = fleet.quiet_s > 0;
  $("notice").hidden = !quiet;
  if (quiet) text($("notice"), `Nothing has arrived for ${duration(fleet.quiet_s * 1000)}, not even an edge's tick: what is shown may be old.`);
}

// --- what people do, and time -----------------------------------------------------------------------------------------

$("search").addEventListener("input", (event) => {
  words = event.target.value.trim().toLowerCase();
  limit = STEP;
  arrange(true);
});
for (const button of document.querySelectorAll("[data-filter]")) {
  button.addEventListener("click", () => {
    filter = button.dataset.filter;
    limit = STEP;
    for (const each of document.querySelectorAll("[data-filter]")) each.setAttribute("aria-pressed", String(each === button));
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
NARROW.addEventListener("change", showAlarms);
$("more-alarms").addEventListener("click", () => {
  allAlarms = !allAlarms;
  showAlarms();
});

setInterval(() => {
  if (!fleet) return;
  const now = clockNow();
  text($("clock"), stamp(now));
  $("speed").hidden = clockAt[2] === 1;
  text($("speed"), `${clockAt[2]}× speed`);
  for (const made of rows.values()) for (const [element, at] of made.ages) text(element, duration(now - at));
  for (const when of document.querySelectorAll("#alarms time")) alarmAge(when);
}, 1000);

connect();
