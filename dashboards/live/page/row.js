// One station's row.
import { clockNow } from "./clock.js";
import { icon, make, severityMark, text } from "./dom.js";
import { duration, nameOf, scaled, stamp, stateOf } from "./format.js";

/** An empty row. `view` is what it shows, `ages` are the texts that grow: [element, since ms]. */
export function newRow() {
  const name = make("b"), sub = make("small");
  const header = make("th", "station", name, sub);
  header.scope = "row";
  header.setAttribute("role", "rowheader");
  const cells = {
    link: cell("connection"), connectors: cell("connectors"), power: cell("number power", "Power"),
    energy: cell("number energy", "Energy"), alarms: cell("number count", "Alarms"),
  };
  const element = make("tr", "", header, ...Object.values(cells));
  element.setAttribute("role", "row");
  return { element, name, sub, cells, view: null, ages: [] };
}

function cell(className, label) {
  const td = make("td", className);
  td.setAttribute("role", "cell");
  if (label) td.dataset.label = label;
  return td;
}

export function fill(row, view) {
  if (row.view === view) return;
  row.view = view;
  row.ages = [];
  const { name, tenant } = nameOf(view.id);
  text(row.name, name);
  row.name.title = view.id;
  text(row.sub, [tenant, view.site === "default" ? "" : view.site, view.model].filter(Boolean).join(" · "));
  showLink(row, view);
  showConnectors(row.cells.connectors, view);
  showPower(row.cells.power, view);
  showEnergy(row, view);
  showAlarms(row.cells.alarms, view);
}

export function tick(row) {
  const now = clockNow();
  for (const [element, since] of row.ages) text(element, duration(now - since));
}

function aged(row, element, since) {
  const at = Date.parse(since);
  element.title = `since ${stamp(at)}`;
  row.ages.push([element, at]);
  text(element, duration(clockNow() - at));
}

function showLink(row, view) {
  const state = view.online === null ? "unknown" : view.online ? "online" : "offline";
  const words = { unknown: "Not seen yet", online: "Online", offline: "Offline" }[state];
  const more = make("small");
  if (view.since) {
    const age = make("span");
    aged(row, age, view.since);
    more.append(age, view.proto ? " · " : "");
  }
  if (view.proto) more.append(make("span", "", view.proto.replace(/^ocpp/, "OCPP ")));
  row.cells.link.replaceChildren(make("span", `state ${state}`, icon(state), make("span", "", words)), more);
}

function showConnectors(td, view) {
  const several = view.evses.length > 1 || view.evses.some((evse) => evse.connectors.length > 1);
  const list = make("ul");
  for (const evse of view.evses) for (const one of evse.connectors) list.append(chip(evse, one, several));
  td.replaceChildren(list.children.length ? list : make("span", "none", "–"));
}

function chip(evse, one, several) {
  const { words, icon: name } = stateOf(one.state);
  const label = evse.connectors.length > 1 ? `${evse.evse}.${one.connector}` : `${evse.evse}`;
  const item = make("li", `chip ${one.stale ? "stale" : name}`, icon(name), several ? make("i", "", label) : null);
  item.append(make("span", "", one.stale ? `Was ${words.toLowerCase()}` : words));
  const more = one.error ?? (one.state === "charging" ? chargingWords(evse, several) : null);
  if (more) item.append(make("small", "", more));
  const since = one.since ? ` since ${stamp(Date.parse(one.since))}` : "";
  if (one.stale) item.title = `Before it went offline: ${words}${since}`;
  else if (since) item.title = words + since;
  return item;
}

function chargingWords(evse, several) {
  const parts = [];
  if (several && evse.power_w) parts.push((evse.mean ? "≈ " : "") + scaled(evse.power_w, "W").join(" "));
  if (evse.running?.soc_pct != null) parts.push(`${Math.round(evse.running.soc_pct)} %`);
  return parts.join(" · ");
}

function showPower(td, view) {
  const mean = view.evses.some((evse) => evse.mean);
  td.title = view.power_w && mean ? "Mean power between the last two readings: the meter tells no power" : "";
  if (view.power_w === null) return td.replaceChildren(make("span", "none", "not known"));
  if (!view.power_w) return td.replaceChildren(make("span", "none", "–"));
  const bar = make("span", "bar");
  bar.style.setProperty("--power", String(Math.round(view.power_w)));
  td.replaceChildren(quantity(view.power_w, "W", mean), bar);
}

function showEnergy(row, view) {
  const running = view.evses.map((evse) => evse.running).filter(Boolean);
  if (!running.length) return row.cells.energy.replaceChildren(make("span", "none", "–"));
  const since = running.map((one) => one.started_at).filter(Boolean).sort()[0];
  const age = make("small", "age");
  if (view.online === false) text(age, "last known");
  else if (since) aged(row, age, since);
  row.cells.energy.replaceChildren(quantity(view.energy_wh, "Wh", false), age);
}

function quantity(value, unit, mean) {
  const [number, scaledUnit] = scaled(value, unit);
  return make("span", "value", `${mean ? "≈ " : ""}${number}\u00a0`, make("small", "", scaledUnit));
}

/** Each severity that has open alarms is counted as itself. */
function showAlarms(td, view) {
  const counts = Object.entries(view.alarms);
  if (!counts.length) return td.replaceChildren(make("span", "none", "–"));
  const items = counts.map(([severity, count]) => make("li", "", severityMark(severity, `${count} ${severity}`)));
  td.replaceChildren(make("ul", "", ...items));
}
