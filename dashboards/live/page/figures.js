// The figures of the whole fleet.
import { $, text } from "./dom.js";
import { scaled, spark } from "./format.js";

export function showFigures({ totals, rate, rates }) {
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
  text($("f-alarms-kinds"), kinds.map(([kind, count]) => `${count}\u00a0${kind}`).join(", "));
  $("f-alarms-box").classList.toggle("raised", open > 0);
  text($("f-rate"), rate >= 10 ? rate.toFixed(0) : rate.toFixed(1));
  const { line, area } = spark(rates, 120, 32, 60);
  $("spark-line").setAttribute("d", line);
  $("spark-area").setAttribute("d", area);
}
