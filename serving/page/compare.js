// Two rankings of the same query beside each other. Pure.

// `left`, `right`: keys, best first. Gives for each side the rank that its results have on the other one, counted from
// 1, null where they are not there; and how many are on both.
export function compare(left, right) {
  const ranks = (keys) => new Map(keys.map((key, at) => [key, at + 1]));
  const [inLeft, inRight] = [ranks(left), ranks(right)];
  const others = (keys, ranked) => keys.map((key) => ranked.get(key) ?? null);
  const [ofLeft, ofRight] = [others(left, inRight), others(right, inLeft)];
  return { left: ofLeft, right: ofRight, shared: ofLeft.filter((rank) => rank !== null).length };
}

// How a result stands beside its twin.
export function standing(rank, other) {
  if (other === null) return { kind: "only", text: "only here" };
  if (other === rank) return { kind: "same", text: `also #${other}` };
  const by = Math.abs(other - rank);
  return rank < other
    ? { kind: "up", text: `▲ ${by}, there #${other}` }
    : { kind: "down", text: `▼ ${by}, there #${other}` };
}
