// Code as elements: a line each, numbered by the style sheet so that a copied text has no numbers in it.

import { el } from "./dom.js";
import { lines, unitsOf } from "./highlight.js";

// A <pre>; `first`: the number of the first line, null for none; `highlights`: the server's spans.
export function code(text, language, { first = null, highlights = [] } = {}) {
  const rows = lines(text, language, unitsOf(text, highlights)).map((parts, at) => el(
    "span", { class: "line", "data-number": first === null ? null : first + at }, ...parts.map(part),
  )).flatMap((row, at) => (at ? ["\n", row] : [row]));
  return el("pre", { class: first === null ? "code" : "code numbered" }, el("code", {}, ...rows));
}

function part({ text, kind, marked }) {
  const token = kind ? el("span", { class: `t-${kind}` }, text) : text;
  return marked ? el("mark", {}, token) : token;
}
