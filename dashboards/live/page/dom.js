// Elements, made by hand: every text of a station goes in as textContent, never as markup.

export const $ = (id) => document.getElementById(id);

export const NARROW = matchMedia("(max-width: 1200px)"); // alarms stand above the stations

export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** An alarm's severity in its colour, with its icon: "critical", "2 major". */
export function severityMark(severity, words) {
  return make("span", `severity ${severity}`, icon(severity), make("span", "", words));
}

/** Set a text, where it is another one: what is unchanged is not painted or read out again. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
