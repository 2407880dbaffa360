// The latest alarms. The stream brings the first page; a later one is asked for, and again when an alarm changed.
import { clockNow } from "./clock.js";
import { $, make, NARROW, severityMark, text } from "./dom.js";
import { duration, nameOf, stamp } from "./format.js";

const few = () => (NARROW.matches ? 3 : 8);

let first = { number: 1, pages: 1, first: 1, total: 0, alarms: [] };
let later = null; // a page after the first, while one is looked at
let opened = false; // a whole page is shown, not a few alarms only
let wanted = 1, outdated = false, asking = false;

/** Take the first page, as it is now. */
export function takeAlarms(page) {
  first = page;
  outdated = wanted > 1;
  if (!later) show();
}

export function tickAlarms() {
  for (const when of document.querySelectorAll("#alarms time")) showAge(when);
  if (outdated) askForPage();
}

function turnTo(number) {
  wanted = number;
  later = number > 1 ? later : null;
  outdated = number > 1;
  if (outdated) askForPage();
  else show();
}

/** One request at a time; one that failed, or was overtaken by a wish for another page, is made again at the next tick. */
async function askForPage() {
  if (asking) return;
  const number = wanted;
  asking = true;
  outdated = false;
  try {
    const answer = await fetch(`alarms?page=${number}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = await answer.json();
    if (number !== wanted) return;
    later = page.number > 1 ? page : null;
    wanted = page.number; // there may be fewer pages by now
    show();
  } catch {
    outdated = true;
  } finally {
    asking = false;
  }
}

function show() {
  const page = later ?? first;
  const shown = opened ? page.alarms : page.alarms.slice(0, few());
  $("alarms").replaceChildren(...shown.map(item));
  $("no-alarms").hidden = page.total > 0;
  $("alarms-shown").hidden = page.total === 0;
  text($("alarms-shown"), `${page.first}–${page.first + shown.length - 1} of ${page.total}, open ones first`);
  $("alarm-pages").hidden = !opened || page.pages === 1;
  $("newer-alarms").disabled = page.number === 1;
  $("older-alarms").disabled = page.number === page.pages;
  $("more-alarms").hidden = page.total <= few();
  text($("more-alarms"), opened ? "Show fewer" : "Show more");
}

function item(alarm) {
  const place = nameOf(alarm.station);
  const where = [place.tenant, place.name, alarm.evse ? `evse ${alarm.evse}` : ""].filter(Boolean).join(" · ");
  return make(
    "li", alarm.open ? "open" : "over", severityMark(alarm.severity, alarm.severity),
    make("b", "", alarm.title), make("span", "where", where),
    alarm.detail ? make("span", "detail", alarm.detail) : null, age(alarm),
  );
}

function age(alarm) {
  const raised = Date.parse(alarm.raised_at);
  const when = make("time");
  when.dateTime = alarm.raised_at;
  when.title = `raised ${stamp(raised)}`;
  when.dataset.raised = raised;
  if (!alarm.open) when.dataset.over = alarm.cleared_at ? Date.parse(alarm.cleared_at) : "";
  if (alarm.expired) when.dataset.expired = "";
  showAge(when);
  return when;
}

function showAge(when) {
  const raised = Number(when.dataset.raised);
  if (when.dataset.over === undefined) return text(when, `open for ${duration(clockNow() - raised)}`);
  if (when.dataset.over === "" || when.dataset.expired !== undefined) return text(when, `over, raised ${duration(clockNow() - raised)} ago`);
  return text(when, `cleared after ${duration(Number(when.dataset.over) - raised)}`);
}

NARROW.addEventListener("change", show);
$("newer-alarms").addEventListener("click", () => turnTo(wanted - 1));
$("older-alarms").addEventListener("click", () => turnTo(wanted + 1));
$("more-alarms").addEventListener("click", () => {
  opened = !opened;
  turnTo(1);
});
