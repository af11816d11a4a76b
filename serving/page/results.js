// Results of a search, and of the search before an answer: a list whose snippets open and close.

import { code } from "./code.js";
import { copy, el } from "./dom.js";

let count = 0;

const figure = (value) => (Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3));

// What makes it the same result in two answers.
export const key = (result) => `${result.path}:${result.start_line}-${result.end_line} ${result.symbol}`;

export const place = (result) => `${result.path}:${result.start_line}`;

// A result as <li>. `note`: an element about it, or null.
export function item(result, rank, { open = true, note = null } = {}) {
  const id = `snippet-${count += 1}`;
  const cut = result.path.lastIndexOf("/") + 1;
  const where = el(
    "span", { class: "place" }, el("span", { class: "folder" }, result.path.slice(0, cut)),
    el("b", {}, result.path.slice(cut)),
    el("span", { class: "span" }, `:${result.start_line}–${result.end_line}`),
  );
  const toggle = el(
    "button", { class: "toggle", type: "button", "aria-expanded": String(open), "aria-controls": id },
    el("span", { class: "rank" }, String(rank)),
    el("span", {}, where, " ", result.symbol && el("span", { class: "symbol" }, result.symbol)),
  );
  const copier = el("button", { class: "copy quiet", type: "button", title: "Copy path:line (c)" }, "Copy");
  const snippet = el("div", { class: "snippet", id, hidden: !open }, code(
    result.snippet, result.language, { first: result.snippet_start_line, highlights: result.highlights },
  ));
  const legs = Object.entries(result.scores).map(([leg, score]) => `${leg} ${figure(score)}`);
  const facts = el(
    "p", { class: "facts" }, el("span", {}, result.kind), el("span", {}, result.language), note,
    el("span", { class: "scores" }, `score ${figure(result.score)}`, ...legs.map((leg) => el("span", {}, leg))),
  );
  toggle.addEventListener("click", () => show(toggle, toggle.getAttribute("aria-expanded") !== "true"));
  copier.addEventListener("click", () => copy(place(result), copier, where));
  return el(
    "li", { class: "result", "data-key": key(result) },
    el("div", { class: "head" }, toggle, copier), facts, snippet,
  );
}

// Open or close the snippet of a result's button.
export function show(toggle, open) {
  toggle.setAttribute("aria-expanded", String(open));
  toggle.closest(".result").querySelector(".snippet").hidden = !open;
}

// What a picker calls a model.
export function modelName(model) {
  return model.adapter ? `${model.adapter} (${model.language}) – ${model.base}` : model.base;
}

// Which model an answer is of: name, version, the beginning of the digest, why that one.
export function told({ model, adapter, why }) {
  return [
    el("b", {}, model), adapter?.version && el("span", {}, `version ${adapter.version}`),
    adapter && el("code", { title: adapter.digest }, adapter.digest.slice(0, 12)), why && el("span", {}, why),
  ].filter(Boolean);
}

// Keys on a list that has the focus. Returns whether the key meant something.
export function walk(event, list) {
  const toggles = [...list.querySelectorAll(".toggle")];
  const at = toggles.indexOf(document.activeElement.closest(".result")?.querySelector(".toggle"));
  const toggle = toggles[at];
  switch (event.key) {
    case "ArrowDown": case "j": toggles[Math.min(at + 1, toggles.length - 1)]?.focus(); return true;
    case "ArrowUp": case "k": toggles[Math.max(at - 1, 0)]?.focus(); return true;
    case "o": toggle?.click(); return toggle !== undefined;
    case "c": toggle?.parentElement.querySelector(".copy").click(); return toggle !== undefined;
    case "O": {
      const open = toggles.some((one) => one.getAttribute("aria-expanded") !== "true");
      for (const one of toggles) show(one, open);
      return true;
    }
    default: return false;
  }
}
