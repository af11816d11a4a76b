// The Generate tab: an answer as it is written, and the code that was found for it.

import { line, stream } from "./api.js";
import { code } from "./code.js";
import { byId, copy, el, option, say } from "./dom.js";
import { blocks } from "./prose.js";
import { item, modelName, told, walk } from "./results.js";

const status = byId("generate-status");
const written = byId("written");
const prompt = byId("prompt");
let running = null;
let writers = [];
let answer = null;

// Offer the models that write, and the indexes.
export function offer({ models, indexes }) {
  writers = models.filter((model) => model.tasks.includes("generation"));
  byId("writer").replaceChildren(...writers.map((model) => option(model.id, modelName(model))));
  byId("rag-index").replaceChildren(...indexes.map((one) => option(one.id, one.id)));
  byId("rag").disabled = !indexes.length;
  byId("generate").disabled = !writers.length;
  if (!answer) say(status, writers.length ? "Nothing written yet." : "This server has no model that writes.");
}

function request(chat) {
  const number = (id) => (byId(id).value === "" ? {} : { [id.replace("-", "_")]: Number(byId(id).value) });
  return {
    model: byId("writer").value,
    ...(chat ? { messages: [{ role: "user", content: prompt.value }] } : { prompt: prompt.value }),
    ...number("temperature"), ...number("max-tokens"), ...number("seed"), n: 1,
    stream: true, stream_options: { include_usage: true },
    ...(byId("rag").checked && { rag: { index: byId("rag-index").value, k: Number(byId("rag-k").value) } }),
  };
}

async function run() {
  if (running || !byId("generate-form").reportValidity()) return;
  if (!prompt.value.trim()) {
    prompt.focus();
    return;
  }
  const chat = byId("endpoint").value === "chat";
  const model = writers.find((one) => one.id === byId("writer").value);
  running = new AbortController();
  const start = performance.now();
  answer = { text: "", chat, language: model?.language ?? "", start, first: null, usage: null, finish: null };
  begin();
  let problem = null;
  try {
    const path = chat ? "v1/chat/completions" : "v1/completions";
    for await (const chunk of stream(path, request(chat), running.signal)) take(chunk);
  } catch (error) {
    if (!running.signal.aborted) problem = error;
  }
  finish(problem, running.signal.aborted);
}

function begin() {
  written.replaceChildren();
  written.setAttribute("aria-busy", "true");
  byId("answer-model").replaceChildren();
  byId("context").hidden = true;
  byId("generate").disabled = byId("copy-answer").disabled = true;
  byId("stop").disabled = false;
  say(status, "Waiting for the first token …");
}

function take(chunk) {
  if (answer.first === null) {
    answer.first = performance.now();
    byId("answer-model").replaceChildren(...told(chunk));
    say(status, "Writing …");
  }
  if (chunk.context) showContext(chunk.context);
  if (chunk.usage) answer.usage = chunk.usage;
  const [choice] = chunk.choices;
  if (!choice) return;
  answer.finish = choice.finish_reason ?? answer.finish;
  answer.text += (answer.chat ? choice.delta.content : choice.text) ?? "";
  answer.frame ??= requestAnimationFrame(draw);
}

// Once a frame at most: many tokens may come between two.
function draw() {
  answer.frame = null;
  const atEnd = written.scrollTop + written.clientHeight >= written.scrollHeight - 8;
  const parts = answer.chat ? blocks(answer.text) : [{ code: true, language: answer.language, text: answer.text }];
  written.replaceChildren(...parts.map((part) => (part.code
    ? code(part.text, part.language || answer.language)
    : el("p", { class: "prose" }, part.text.trim()))));
  if (atEnd) written.scrollTop = written.scrollHeight;
}

function showContext(context) {
  byId("context-model").replaceChildren(el("span", {}, context.index), ...told(context));
  byId("context-results").replaceChildren(...context.results.map((result, at) => item(result, at + 1)));
  if (!context.results.length) byId("context-results").append(el("li", { class: "empty" }, "Nothing found."));
  byId("context").hidden = false;
}

function finish(problem, stopped) {
  const seconds = (performance.now() - answer.start) / 1000;
  if (answer.frame) cancelAnimationFrame(answer.frame);
  draw();
  running = null;
  written.removeAttribute("aria-busy");
  byId("generate").disabled = false;
  byId("stop").disabled = true;
  byId("copy-answer").disabled = !answer.text;
  if (problem) return say(status, line(problem), true);
  if (stopped) return say(status, `Stopped after ${seconds.toFixed(1)} s.`);
  return say(status, figures(seconds));
}

function figures(seconds) {
  const { usage, finish: why, first, start: begun } = answer;
  return [
    usage && `${usage.prompt_tokens} tokens read, ${usage.completion_tokens} written`, `${seconds.toFixed(2)} s`,
    first && `first after ${Math.round(first - begun)} ms`,
    usage && `${(usage.completion_tokens / seconds).toFixed(1)} tokens/s`, why === "length" && "cut at max tokens",
  ].filter(Boolean).join(" · ");
}

// Shortcuts of this tab. Returns whether the key meant something.
export function onKey(event) {
  if (event.key === "Escape" && running) {
    running.abort();
    return true;
  }
  if (event.key === "/" || event.key === "Escape") {
    prompt.focus();
    return true;
  }
  return !byId("context").hidden && walk(event, byId("context-results"));
}

export function start() {
  byId("generate-form").addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  byId("generate-form").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  byId("stop").addEventListener("click", () => running?.abort());
  byId("copy-answer").addEventListener("click", () => copy(answer.text, byId("copy-answer"), written));
  byId("rag").addEventListener("change", () => {
    for (const id of ["rag-index", "rag-k"]) byId(id).disabled = !byId("rag").checked;
  });
}
