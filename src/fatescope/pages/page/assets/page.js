"use strict";
// fatescope: what every page does. Part of fatescope, BSD-3-Clause. Without the script a page still
// shows its charts, the first image of each viewer and every table.
const SVG = "http://www.w3.org/2000/svg";
const make = (name, attributes, parent) => {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  parent.appendChild(node);
  return node;
};
const pressed = (button) => button.getAttribute("aria-pressed") === "true";

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const plain = (text) => text.replaceAll("\u202f", "").replace("−", "-").replace(/^–$/, "");
  [...(table.tHead?.rows[0].cells ?? [])].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => plain(row.cells[column].textContent);
      body.append(...[...body.rows].sort((a, b) => {
        const p = value(a), q = value(b);
        if (p === "" || q === "") return (p === "") - (q === "");
        const d = p - q;
        return (up ? 1 : -1) * (Number.isNaN(d) ? p.localeCompare(q, "en", { numeric: true }) : d);
      }));
    });
  });
}

for (const button of document.querySelectorAll(".copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // A page opened from a file may have no clipboard: select the text for Ctrl+C instead.
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    document.getElementById("said").textContent = button.textContent = "Copied";
  });
}
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
// A link to a detail opens it, and what was drawn without room is drawn again.
const unfold = () => document.getElementById(location.hash.slice(1))?.querySelector(":scope > details")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
unfold();
for (const link of document.querySelectorAll("nav a")) link.addEventListener("click", () => setTimeout(unfold));
for (const details of document.querySelectorAll(".folded > details")) details.addEventListener("toggle", () => dispatchEvent(new Event("resize")));
