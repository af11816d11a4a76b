// Comments, strings, numbers, keywords and calls in code. Pure.

import { LANGUAGES, PLAIN, SPELLINGS } from "./languages.js";

const compiled = new Map();

function rules(language) {
  const name = SPELLINGS[language] ?? language;
  if (!compiled.has(name)) {
    const record = Object.hasOwn(LANGUAGES, name) ? LANGUAGES[name] : PLAIN;
    const group = (kind, patterns) => (patterns.length ? [`(?<${kind}>${patterns.join("|")})`] : []);
    const source = [
      ...group("comment", record.comments), ...group("string", record.strings), ...group("meta", record.meta),
      String.raw`(?<number>\d(?:[\w.]|(?<=[eE])[+-])*)`, String.raw`(?<word>[$\p{L}_][\p{L}\p{M}\w$]*)(?<call>\()?`,
    ].join("|");
    compiled.set(name, { pattern: new RegExp(source, "gmu"), keywords: record.keywords });
  }
  return compiled.get(name);
}

// [{start, end, kind}] rising, in UTF-16 units; what is none of the kinds is left out. Never fails: an unknown
// language has words in quotes and numbers.
export function tokens(text, language) {
  const { pattern, keywords } = rules(language);
  const found = [];
  for (const match of text.matchAll(pattern)) {
    const { word, call, ...kinds } = match.groups;
    const start = match.index;
    if (word === undefined) {
      const kind = Object.keys(kinds).find((one) => kinds[one] !== undefined);
      found.push({ start, end: start + match[0].length, kind });
    } else if (keywords.has(word)) {
      found.push({ start, end: start + word.length, kind: "keyword" });
    } else if (call) {
      found.push({ start, end: start + word.length, kind: "call" });
    }
  }
  return found;
}

// The server counts characters, JavaScript UTF-16 units: spans in the one as spans in the other.
export function unitsOf(text, spans) {
  if (!/[\ud800-\udbff]/.test(text)) return spans;
  const at = [0];
  for (const character of text) at.push(at.at(-1) + character.length);
  return spans.map(({ start, end }) => ({ start: at[start], end: at[end] }));
}

// The text cut wherever a token, a mark or a line begins or ends: one list of {text, kind, marked} for each line.
export function lines(text, language, marks = []) {
  const found = tokens(text, language);
  const rows = [];
  let [at, token, mark] = [0, 0, 0];
  for (const row of text.split("\n")) {
    const [end, parts] = [at + row.length, []];
    while (at < end) {
      while (found[token]?.end <= at) token += 1;
      while (marks[mark]?.end <= at) mark += 1;
      const inside = (span) => span !== undefined && span.start <= at;
      const next = (span) => (span === undefined ? end : inside(span) ? span.end : span.start);
      const stop = Math.min(end, next(found[token]), next(marks[mark]));
      parts.push({
        text: text.slice(at, stop), kind: inside(found[token]) ? found[token].kind : null, marked: inside(marks[mark]),
      });
      at = stop;
    }
    rows.push(parts);
    at = end + 1;
  }
  return rows;
}
