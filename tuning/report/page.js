"use strict";

// The figures' text and grids in the colours of the reader's scheme, now and when it changes.
function paint() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const grid = style.getPropertyValue("--grid").trim();
  for (const figure of document.querySelectorAll(".js-plotly-plot")) {
    const change = { "font.color": ink };
    for (const name of Object.keys(figure.layout)) {
      if (/^[xy]axis\d*$/.test(name)) {
        change[name + ".gridcolor"] = grid;
        change[name + ".linecolor"] = grid;
      }
    }
    Plotly.relayout(figure, change);
  }
}
paint();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

const copy = document.getElementById("copy");
if (copy) {
  copy.addEventListener("click", async () => {
    const command = document.getElementById("command");
    try {
      await navigator.clipboard.writeText(command.textContent);
      copy.textContent = "Copied";
    } catch {
      // Some browsers keep the clipboard from local files: leave the command selected.
      getSelection().selectAllChildren(command);
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
}

// A click sorts by the column, a second one the other way; cells without a value stay at the end.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const order = (row) => row.cells[column].dataset.order;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => {
      const [one, other] = [order(a), order(b)];
      if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
      const difference = Number(one) - Number(other);
      return (up ? 1 : -1) * (Number.isNaN(difference) ? one.localeCompare(other) : difference);
    });
    table.tBodies[0].append(...rows);
  }));
}
