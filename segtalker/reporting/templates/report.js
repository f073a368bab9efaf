// Plain tables: a click on a heading sorts the rows by it, a second one turns the order round.
const valueOf = (cell) => {
  const text = cell.textContent.trim();
  const number = Number.parseFloat(text);
  return { text, number: Number.isNaN(number) ? null : number };
};
const compareCells = (one, other, numeric) => {
  const [a, b] = [valueOf(one), valueOf(other)];
  if (!numeric) return a.text.localeCompare(b.text, undefined, { numeric: true });
  if (a.number === null || b.number === null) return (a.number === null) - (b.number === null);
  return a.number - b.number;
};
function sortRows(table, heading) {
  const column = heading.cellIndex;
  const rising = heading.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
  heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
  const body = table.tBodies[0];
  const isEmpty = (row) => row.cells[column].textContent.trim() === "";
  const numeric = heading.classList.contains("num");
  const rows = [...body.rows].sort((one, other) => {
    if (isEmpty(one) !== isEmpty(other)) return isEmpty(one) - isEmpty(other);
    const order = compareCells(one.cells[column], other.cells[column], numeric);
    return rising ? order : -order;
  });
  body.append(...rows);
}
document.querySelectorAll("table.plain").forEach((table) => {
  if (table.tBodies[0].rows.length < 2) return;
  table.querySelectorAll("thead th").forEach((heading) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sortRows(table, heading));
  });
});

// The results have a column a method: ordering by a metric moves the columns, what has no value comes last.
document.querySelectorAll("table.scores .order").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => {
    const row = button.closest("tr");
    const sign = button.dataset.higher === "true" ? -1 : 1;
    const places = [...row.cells].slice(1).map((cell, index) => [index, valueOf(cell).number]);
    places.sort(([, a], [, b]) => (a === null || b === null ? (a === null) - (b === null) : sign * (a - b)));
    for (const line of row.closest("table").rows) {
      const cells = [...line.cells].slice(1);
      line.append(...places.map(([index]) => cells[index]));
    }
    row.closest("table").querySelectorAll(".order").forEach((other) => other.setAttribute("aria-pressed", other === button));
  });
});

// The stage beside the title: the first clip's talking mask and output, silent, for those who like motion.
const stage = document.querySelector(".stage");
const originals = { mask: ".tile.mask video", face: ".tile.heard video" };
const shown = [...stage.querySelectorAll("video")].map((copy) => [copy, document.querySelector(originals[copy.dataset.copy])]);
const startStage = () => {
  shown.forEach(([copy]) => (copy.currentTime = 0));
  Promise.all(shown.map(([copy]) => copy.play())).catch(() => shown.forEach(([copy]) => copy.pause()));
};
if (shown.every(([, original]) => original)) {
  shown.forEach(([copy, original]) => (copy.src = original.src));
  stage.hidden = false;
  const [[mask], [face]] = shown;
  face.addEventListener("ended", startStage);
  const frameSeconds = 1 / Number(document.querySelector(".player").dataset.fps);
  const follow = () => {
    keepUp(mask, face, frameSeconds);
    requestAnimationFrame(follow);
  };
  face.addEventListener("play", follow, { once: true });
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) startStage();
}
