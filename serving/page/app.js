// The frame: tabs, shortcuts, the key, and what the server has.

import { forgetKey, get, hasKey, line, onKeyNeeded } from "./api.js";
import { byId, say, typing } from "./dom.js";
import * as generate from "./generate.js";
import * as search from "./search.js";

const AGAIN_MS = 3000; // between two looks at a server that is still starting
const TABS = { search, generate };
const readiness = byId("readiness");
let current = "search";

function open(name) {
  current = name;
  for (const one of Object.keys(TABS)) {
    byId(`panel-${one}`).hidden = one !== name;
    byId(`tab-${one}`).setAttribute("aria-selected", String(one === name));
    byId(`tab-${one}`).tabIndex = one === name ? 0 : -1;
  }
}

function onTabKey(event) {
  if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
  event.preventDefault();
  event.stopPropagation();
  open(current === "search" ? "generate" : "search");
  byId(`tab-${current}`).focus();
}

// Letters are shortcuts outside fields only; Esc everywhere. Arrows stay the browser's where nothing is walked.
function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || byId("shortcuts").open) return;
  if (typing(event.target) && event.key !== "Escape") return;
  if (event.key === "?") byId("shortcuts").showModal();
  else if (event.key === "s" || event.key === "g") {
    open(event.key === "s" ? "search" : "generate");
    byId(current === "search" ? "q" : "prompt").focus();
  } else if (!TABS[current].onKey(event)) return;
  event.preventDefault();
}

function askForKey(reason) {
  const form = byId("key-form");
  form.hidden = false;
  say(byId("key-reason"), reason, true);
  byId("key").focus();
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const key = byId("key").value;
      byId("key").value = "";
      form.hidden = true;
      byId("forget").hidden = false;
      resolve(key);
    }, { once: true });
  });
}

// Shows what is missing until the server is ready. Returns whether it is.
async function ready() {
  try {
    const answer = await fetch("ready");
    const { missing } = await answer.json();
    say(readiness, missing.length ? `Not ready: ${missing.join("; ")}` : "", missing.length > 0);
    return !missing.length;
  } catch {
    say(readiness, "The server does not answer.", true);
    return false;
  }
}

async function load() {
  try {
    const [models, indexes] = await Promise.all([get("v1/models"), get("v1/indexes")]);
    const found = { models: models.data, indexes: indexes.data };
    generate.offer(found);
    search.offer(found);
  } catch (error) {
    say(byId("search-status"), line(error), true);
  }
  byId("forget").hidden = !hasKey();
}

// A server that is still starting may have more models and indexes when it is ready.
async function watch() {
  if (await ready()) await load();
  else setTimeout(watch, AGAIN_MS);
}

onKeyNeeded(askForKey);
for (const [name, tab] of Object.entries(TABS)) {
  tab.start();
  byId(`tab-${name}`).addEventListener("click", () => open(name));
  byId(`tab-${name}`).addEventListener("keydown", onTabKey);
}
document.addEventListener("keydown", onKey);
byId("help").addEventListener("click", () => byId("shortcuts").showModal());
byId("forget").addEventListener("click", () => {
  forgetKey();
  location.reload();
});
byId("q").focus();
load();
ready().then((isReady) => isReady || setTimeout(watch, AGAIN_MS));
