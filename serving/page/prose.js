// An answer as prose and code: what stands between lines of three backticks is code. Pure.

// [{code, language, text}] in order; a block that is not closed yet is code.
export function blocks(text) {
  const found = [];
  let [inside, language, rows] = [false, "", []];
  const close = () => {
    if (rows.length) found.push({ code: inside, language, text: rows.join("\n") });
    rows = [];
  };
  for (const row of text.split("\n")) {
    const fence = /^\s*```\s*([^\s`]*)\s*$/.exec(row);
    if (fence) {
      close();
      [inside, language] = [!inside, inside ? "" : fence[1].toLowerCase()];
    } else {
      rows.push(row);
    }
  }
  close();
  return found;
}
