"use strict";
// Click on a heading: sort by it; again: the other way round. What has no value stays last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  const value = (row, column) => JSON.parse(row.cells[column].dataset.key);
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, other) => {
        const [a, b] = [value(one, column), value(other, column)];
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "string" ? a.localeCompare(b, "en") : a - b;
        return down ? -order : order;
      });
      headings.forEach((each) => each.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      table.tBodies[0].append(...rows);
    });
  });
}
// Filters: rows of methods whose name has the text in it, parts and rows of one data set.
const filters = [...document.querySelectorAll("[data-filter]")];
const filter = () => {
  for (const part of document.querySelectorAll("[data-dataset]")) {
    const chosen = filters.find((each) => each.dataset.filter === "data set")?.value;
    part.hidden = Boolean(chosen) && part.dataset.dataset !== chosen;
  }
  for (const table of document.querySelectorAll("table.sortable")) {
    const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
    for (const row of table.tBodies[0].rows) {
      row.hidden = filters.some((each) => {
        const column = names.indexOf(each.dataset.filter);
        const text = column < 0 ? each.value : row.cells[column].textContent;
        return each.tagName === "SELECT" ? each.value !== "" && text !== each.value
          : !text.toLowerCase().includes(each.value.trim().toLowerCase());
      });
    }
  }
};
filters.forEach((each) => each.addEventListener("input", filter));
document.querySelectorAll("form.filters").forEach((each) =>
  each.addEventListener("submit", (event) => event.preventDefault()));
// On a narrow screen a picture is as wide as the page; a click shows it large, to be scrolled.
document.querySelectorAll("figure img").forEach((each) =>
  each.addEventListener("click", () => each.classList.toggle("large")));
// A link to a folded part unfolds it.
const unfold = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
};
addEventListener("hashchange", unfold);
unfold();
// A printed page shows what is folded away, but for the trials, which would be most of it.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open], .trial, .trial *)")];
  folded.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }));
