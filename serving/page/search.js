// The Search tab: one query, one column of results for each model that is asked.

import { line, post } from "./api.js";
import { compare, standing } from "./compare.js";
import { byId, choose, el, option, say } from "./dom.js";
import { item, key, modelName, told, walk } from "./results.js";
import * as address from "./state.js";

const status = byId("search-status");
const columns = byId("columns");
const query = byId("q");
let catalogue = { models: [], indexes: [] };
let usual = null;
let running = null;

// Offer what the server has; then search as the address says, or as the form does where it has been offered before.
export function offer(found) {
  const kept = usual ? state() : address.read();
  catalogue = found;
  byId("index").replaceChildren(...found.indexes.map((one) => option(one.id, one.id)));
  const unset = Object.fromEntries(address.FIELDS.map((id) => [id, ""]));
  usual = { ...unset, index: byId("index").value, k: byId("k").defaultValue };
  restore(kept);
}

function offerOfIndex() {
  const index = catalogue.indexes.find((one) => one.id === byId("index").value);
  const kept = Object.fromEntries(["lang", "model", "with"].map((id) => [id, byId(id).value]));
  byId("lang").replaceChildren(option("", "any"), ...(index?.languages ?? []).map((one) => option(one, one)));
  byId("model").replaceChildren(option("", "automatic"), ...models(index));
  byId("with").replaceChildren(option("", "none"), ...automatic(index), ...models(index));
  for (const [id, value] of Object.entries(kept)) {
    if ([...byId(id).options].some((one) => one.value === value)) byId(id).value = value;
  }
}

// Beside a chosen model one may want to see what would have been picked.
function automatic(index) {
  const bases = new Set((index?.models ?? []).map((id) => id.split(":")[0]));
  return [...bases].map((base) => option(`${base}:auto`, bases.size > 1 ? `automatic (${base})` : "automatic"));
}

function models(index) {
  const searching = catalogue.models.filter((model) => model.tasks.includes("search"));
  const has = (model) => index?.models.some((id) => id.split("@")[0] === model.id.split("@")[0]);
  const named = (model) => option(model.id, modelName(model));
  const without = searching.filter((model) => !has(model)).map(named);
  const others = el("optgroup", { label: "No vectors in this index", disabled: true }, ...without);
  return [...searching.filter(has).map(named), ...(without.length ? [others] : [])];
}

function state() {
  const value = (id) => (id === "tests" ? (byId(id).checked ? "1" : "") : byId(id).value);
  return Object.fromEntries(address.FIELDS.map((id) => [id, value(id)]));
}

function restore(kept) {
  const wanted = { ...usual, ...kept };
  if (wanted.index) choose(byId("index"), wanted.index);
  offerOfIndex();
  for (const id of ["lang", "kind", "legs", "model", "with"]) choose(byId(id), wanted[id]);
  byId("k").value = wanted.k;
  byId("tests").checked = wanted.tests === "1";
  query.value = wanted.q;
  run();
}

function request(asked, model) {
  return {
    query: asked.q, ...(asked.index && { index: asked.index }), ...(model && { model }), top_k: Number(asked.k),
    ...(asked.lang && { language: [asked.lang] }), ...(asked.kind && { kind: [asked.kind] }),
    ...(asked.legs && { legs: [asked.legs] }), ...(asked.tests && { tests: true }),
  };
}

// Search with what the form says. Earlier results stay, dimmed, until the new ones are there.
export async function run() {
  running?.abort();
  const asked = state();
  if (!asked.q.trim()) return nothingAsked();
  address.write(asked, usual);
  running = new AbortController();
  const { signal } = running;
  columns.setAttribute("aria-busy", "true");
  say(status, "Searching …");
  const start = performance.now();
  const wanted = [asked.model, ...(asked.with ? [asked.with] : [])];
  const answers = await Promise.allSettled(wanted.map((model) => post("v1/search", request(asked, model), signal)));
  if (signal.aborted) return undefined;
  columns.removeAttribute("aria-busy");
  return draw(answers, wanted, asked, performance.now() - start);
}

function nothingAsked() {
  columns.removeAttribute("aria-busy");
  const facts = catalogue.indexes.map((one) => el(
    "li", {}, el("b", {}, one.id), ` ${one.units.toLocaleString("en")} units · ${one.languages.join(", ")}`,
  ));
  say(status, "");
  columns.className = "";
  columns.replaceChildren(facts.length
    ? el("div", { class: "empty" }, el("p", {}, "Ask for code by what it does."), el("ul", {}, ...facts))
    : el("p", { class: "empty" }, "This server has no index to search."));
}

function draw(answers, wanted, asked, milliseconds) {
  const failed = answers.filter((one) => one.status === "rejected").map((one) => one.reason);
  if (failed.length === answers.length) {
    columns.replaceChildren();
    return say(status, line(failed[0]), true);
  }
  const two = answers.length === 2 && !failed.length;
  const results = answers.map((one) => one.value?.results ?? []);
  const both = two ? compare(results[0].map(key), results[1].map(key)) : null;
  columns.className = answers.length === 2 ? "two" : "";
  columns.replaceChildren(...answers.map((answer, side) => (answer.status === "rejected"
    ? el("section", { class: "column card" }, el("p", { class: "told" }, el("b", {}, wanted[side] || "automatic")),
      el("p", { class: "failed", role: "alert" }, line(answer.reason)))
    : column(answer.value, both && (side ? both.right : both.left), asked))));
  const first = answers.find((one) => one.value).value;
  const found = both
    ? `${both.shared} shared of ${results[0].length} and ${results[1].length} results`
    : `${first.results.length} result${first.results.length === 1 ? "" : "s"}`;
  return say(status, `${found} in ${first.index} · ${first.legs.join(" + ")} · ${Math.round(milliseconds)} ms`);
}

function column(answer, others, asked) {
  const list = answer.results.map((result, at) => {
    if (!others) return item(result, at + 1);
    const { kind, text } = standing(at + 1, others[at]);
    return item(result, at + 1, { open: false, note: el("span", { class: `standing ${kind}` }, text) });
  });
  return el(
    "section", { class: "column card", "aria-label": `Results of ${answer.model}` },
    el("p", { class: "told" }, ...told(answer)),
    list.length ? el("ol", { class: "results" }, ...list) : nothingFound(asked),
  );
}

function nothingFound(asked) {
  const filters = [asked.lang && `language ${asked.lang}`, asked.kind && `kind ${asked.kind}`].filter(Boolean);
  const without = el("button", { class: "quiet", type: "button" }, "Search without them");
  without.addEventListener("click", () => {
    byId("lang").value = byId("kind").value = "";
    run();
  });
  const more = filters.length ? [` with ${filters.join(" and ")}. `, without] : ["."];
  return el("p", { class: "empty" }, "Nothing found", ...more);
}

// Shortcuts of this tab. Returns whether the key meant something.
export function onKey(event) {
  if (event.key === "/" || event.key === "Escape") {
    query.focus();
    query.select();
    return true;
  }
  if (["ArrowLeft", "h", "ArrowRight", "l"].includes(event.key)) return across();
  return columns.childElementCount > 0 && walk(event, document.activeElement.closest(".column") ?? columns);
}

function across() {
  const from = document.activeElement.closest(".result");
  const other = [...columns.children].find((column) => from && !column.contains(from));
  if (!other) return false;
  const items = [...other.querySelectorAll(".result")];
  const at = [...from.parentElement.children].indexOf(from);
  const to = items.find((one) => one.dataset.key === from.dataset.key) ?? items[Math.min(at, items.length - 1)];
  to?.querySelector(".toggle").focus();
  return to !== undefined;
}

function markTwins() {
  const here = document.activeElement.closest(".result");
  for (const one of columns.querySelectorAll(".result")) {
    one.classList.toggle("twin", here !== null && one !== here && one.dataset.key === here.dataset.key);
  }
}

export function start() {
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  byId("search-form").addEventListener("change", (event) => {
    if (event.target === query) return;
    if (event.target.id === "index") offerOfIndex();
    if (byId("search-form").reportValidity()) run();
  });
  query.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    columns.querySelector(".toggle")?.focus();
  });
  columns.addEventListener("focusin", markTwins);
  addEventListener("popstate", () => restore(address.read()));
}
