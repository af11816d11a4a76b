// The server's endpoints. Addresses are relative, so that the page also works below a proxy's prefix.

import { events } from "./sse.js";

const STORED = "codeadapters-key";

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let asking = null;
let askForKey = null;

// `ask(reason)` shows the field for a key and gives a promise of what is typed; called after a 401 only.
export function onKeyNeeded(ask) {
  askForKey = ask;
}

export const hasKey = () => sessionStorage.getItem(STORED) !== null;
export const forgetKey = () => sessionStorage.removeItem(STORED);

async function send(path, body, signal) {
  const key = sessionStorage.getItem(STORED);
  const headers = {
    ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `Bearer ${key}` }),
  };
  let answer;
  try {
    answer = await fetch(path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "the server does not answer");
  }
  if (answer.ok) return answer;
  const error = await explained(answer);
  if (error.status !== 401) throw error;
  // several requests wait for one key; those refused with an older one than is stored by now just try again
  if (key === sessionStorage.getItem(STORED)) {
    forgetKey();
    asking ??= askForKey(error.message).finally(() => { asking = null; });
    sessionStorage.setItem(STORED, await asking);
  }
  signal?.throwIfAborted();
  return send(path, body, signal);
}

async function explained(answer) {
  let message = answer.statusText;
  try {
    message = (await answer.json()).error.message;
  } catch { /* a proxy's page, not an answer of ours */ }
  const wait = answer.headers.get("Retry-After");
  return new ApiError(answer.status, message + (wait ? ` – try again in ${wait} s` : ""));
}

// What a status line shows of an error.
export function line(error) {
  return error.status ? `${error.status}: ${error.message}` : error.message;
}

export const get = async (path, signal) => (await send(path, null, signal)).json();
export const post = async (path, body, signal) => (await send(path, body, signal)).json();

// Chunks of a streamed answer; an `error` event is thrown.
export async function* stream(path, body, signal) {
  const answer = await send(path, body, signal);
  for await (const { name, data } of events(answer.body)) {
    if (data === "[DONE]") return;
    const chunk = JSON.parse(data);
    if (name === "error") throw new ApiError(0, chunk.error.message);
    yield chunk;
  }
  throw new ApiError(0, "the answer broke off");
}
