// What follows from the rows of a lineage: its cells, as `tracks_of` cuts them, and their places in a tree.

const ORDER = ["AB", "MS", "E", "C", "D", "P", "Z"];
export const founder = (name) => /^(AB|MS|E(?!M)|[CDPZ])/.exec(name)?.[1];

export const nameOf = (d, row) => d.name[row] || `#${row}`;
export const firstOf = (d, c) => d.frame[c.rows[0]];
export const lastOf = (d, c) => d.frame[c.rows.at(-1)];

export function cellsOf(d) {
  const n = d.frame.length, children = Array.from({ length: n }, () => null), frames = [];
  for (let i = 0; i < n; i++) {
    (frames[d.frame[i]] ??= []).push(i);
    const p = d.parent[i];
    if (p >= 0) (children[p] ??= []).push(i);
  }
  const motherOf = (i) => (d.parent[i] >= 0 && d.frame[d.parent[i]] >= 0 ? d.parent[i] : -1); // of tables that begin before 0
  const cells = [], cellOf = new Int32Array(n);
  for (const rows of frames) {
    for (const i of rows ?? []) {
      const p = motherOf(i);
      if (p >= 0 && children[p].length === 1 && d.name[p] === d.name[i]) {
        cellOf[i] = cellOf[p];
        cells[cellOf[i]].rows.push(i);
        continue;
      }
      cellOf[i] = cells.length;
      cells.push({ n: cells.length, rows: [i], name: d.name[i], mother: p < 0 ? null : cells[cellOf[p]], daughters: [], x: 0 });
      if (p >= 0) cells[cellOf[p]].daughters.push(cells[cellOf[i]]);
    }
  }
  return { cells, cellOf, frames, children, ...arranged(cells) };
}

const byName = (a, b) => (a.name === b.name ? a.n - b.n : !a.name ? 1 : !b.name ? -1 : a.name < b.name ? -1 : 1);
const rank = (c) => (ORDER.indexOf(founder(c.name) ?? "?") + ORDER.length + 1) % (ORDER.length + 1);

function arranged(cells) {
  const isShown = (c) => c.rows.length > 1 || c.daughters.length || c.mother;
  const roots = cells.filter((c) => !c.mother && isShown(c)).sort((a, b) => (a.name && b.name ? rank(a) - rank(b) : 0) || byName(a, b));
  const drawnCells = [];
  let nLeaves = 0;
  const stack = roots.reverse();
  while (stack.length) {
    const c = stack.pop();
    drawnCells.push(c);
    c.daughters.sort(byName);
    if (!c.daughters.length) c.x = nLeaves++;
    else for (let k = c.daughters.length - 1; k >= 0; k--) stack.push(c.daughters[k]);
  }
  for (let k = drawnCells.length - 1; k >= 0; k--) {
    const c = drawnCells[k];
    if (c.daughters.length) c.x = (c.daughters[0].x + c.daughters.at(-1).x) / 2;
  }
  return { drawnCells, nLeaves };
}
