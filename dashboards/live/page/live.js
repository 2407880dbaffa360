// The page: one stream of events in, what they change out.
import { takeAlarms, tickAlarms } from "./alarms.js";
import { clockNow, clockSpeed, setClock } from "./clock.js";
import { $, text } from "./dom.js";
import { showFigures } from "./figures.js";
import { duration, stamp } from "./format.js";
import { takeStations, tickStations } from "./stations.js";

const RETRY_MS = 2000;
let ticking = null; // once there is a time to show

function connect() {
  const source = new EventSource("events");
  source.addEventListener("snapshot", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("delta", (event) => take(JSON.parse(event.data), false));
  source.onerror = () => {
    link("lost", "Reconnecting");
    // The browser tries again by itself, but not where a proxy answered in the server's place.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  };
  source.onopen = () => link("live", "Live");
}

function link(state, words) {
  $("link").dataset.state = state;
  text($("link-text"), words);
}

function take(message, whole) {
  setClock(message.now, message.speed);
  link("live", message.caught_up ? "Live" : "Catching up");
  takeStations(message.stations, whole);
  if (message.alarms) takeAlarms(message.alarms);
  showFigures(message);
  showNotice(message.quiet_s);
  ticking ??= setInterval(tick, 1000);
}

function showNotice(quiet_s) {
  $("notice").hidden = !quiet_s;
  if (quiet_s) text($("notice"), `Nothing has arrived for ${duration(quiet_s * 1000)}, not even an edge's tick: what is shown may be old.`);
}

function tick() {
  text($("clock"), stamp(clockNow()));
  $("speed").hidden = clockSpeed() === 1;
  text($("speed"), `${clockSpeed()}× speed`);
  tickStations();
  tickAlarms();
}

connect();
