// Numbers, times and words. No page here: tests may import it.

const WORDS = {
  available: ["Available", "available"], preparing: ["Preparing", "occupied"], occupied: ["Occupied", "occupied"],
  charging: ["Charging", "charging"], suspended_ev: ["Paused by car", "suspended"],
  suspended_evse: ["Paused by station", "suspended"], finishing: ["Finishing", "finishing"],
  reserved: ["Reserved", "reserved"], unavailable: ["Unavailable", "unavailable"], faulted: ["Faulted", "faulted"],
  unknown: ["Unknown", "unknown"],
};

/** The words and the icon of a connector's state. */
export function stateOf(state) {
  const [words, icon] = WORDS[state] ?? WORDS.unknown;
  return { words, icon };
}

/** [number, unit] of W or Wh, in a unit that keeps it short. */
export function scaled(value, unit) {
  if (Math.abs(value) >= 999_500) return [(value / 1e6).toFixed(2), `M${unit}`];
  if (Math.abs(value) >= 99_950) return [(value / 1e3).toFixed(0), `k${unit}`];
  return [(value / 1e3).toFixed(1), `k${unit}`];
}

/** "3 min", "2 h 05", "4 d": how long so many milliseconds are. */
export function duration(ms) {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return `${Math.floor(Math.max(0, ms) / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")}`;
  return `${Math.floor(hours / 24)} d`;
}

const STAMP = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC",
});

/** "24 Nov 2026, 06:00:10 UTC" of milliseconds since 1970. */
export function stamp(ms) {
  return `${STAMP.format(ms)} UTC`;
}

/** The station's own name and, where it is not the default one, its tenant. */
export function nameOf(station) {
  const slash = station.indexOf("/");
  const tenant = slash < 0 ? "" : station.slice(0, slash);
  return { name: slash < 0 ? station : station.slice(slash + 1), tenant: tenant === "default" ? "" : tenant };
}

/** The path of a line and of the area under it, in a box of that size; the newest count is at the right. */
export function spark(counts, width, height, room) {
  if (counts.length < 2) return { line: "", area: "" };
  const most = Math.max(1, ...counts);
  const step = width / (room - 1);
  const points = counts.map((count, i) => {
    const x = width - (counts.length - 1 - i) * step;
    return `${x.toFixed(1)},${(height - 2 - (count / most) * (height - 4)).toFixed(1)}`;
  });
  const line = `M${points.join("L")}`;
  return { line, area: `${line}V${height}H${points[0].split(",")[0]}Z` };
}
