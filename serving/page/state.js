// The search in the address: `#q=...&lang=...`, so that it can be linked. The server never sees this part of it.

export const FIELDS = ["q", "index", "lang", "kind", "legs", "model", "with", "k", "tests"];

export function read() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

// Only what differs from `usual` is written. A new query gets a step in the browser's history.
export function write(state, usual) {
  const told = Object.entries(state).filter(([name, value]) => value !== "" && value !== usual[name]);
  const hash = `#${new URLSearchParams(told)}`;
  if (hash === (location.hash || "#")) return;
  const step = read().q === state.q ? "replaceState" : "pushState";
  history[step](null, "", hash);
}
