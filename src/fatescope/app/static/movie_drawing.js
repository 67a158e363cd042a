// What is drawn of a lineage: its nuclei over the movie, its tree beside it; and what lies below a click.

import { at, meta, now as view, viewer } from "./viewer.js";
import { firstOf, founder, lastOf, nameOf } from "./movie_cells.js";

const TAIL = 6, USUAL_RADIUS = 6, LEAF = 7, MOST_WIDE = 12000, MARGIN = 8;
const COLOURS = { AB: "#56b4e9", MS: "#e69f00", E: "#2fbf71", C: "#e08bc0", D: "#f0e442", P: "#ff7f3f", Z: "#ff7f3f" };
const colour = (name) => COLOURS[founder(name)] ?? "#c9c9c9";
let drawn = null; // rows and cells, which of them is chosen, and what the last edit changed

export function show(what) {
  drawn = what;
  draw();
  drawTree();
}

// The movie

const canvas = document.createElement("canvas");
canvas.id = "over";
canvas.setAttribute("aria-hidden", "true");
at("stage").append(canvas);

function radius(i) {
  const { d } = drawn;
  const um = d.radius_um?.[i];
  return d.radius[i] ?? (um && meta.pixel_um ? um / meta.pixel_um : USUAL_RADIUS);
}

// How large a nucleus is in the plane that is shown; 0 where it does not reach it.
function reach(i) {
  const r = radius(i);
  if (view.brightest || meta.planes < 2) return r;
  const planes = drawn.d.z[i] - view.z;
  const away = planes * (meta.plane_um && meta.pixel_um ? meta.plane_um / meta.pixel_um : 1);
  return Math.abs(away) < r ? Math.sqrt(r * r - away * away) : Math.abs(planes) <= 0.5 ? 1 : 0;
}

function lens() {
  const [a, b] = [0, 1].map((x) => viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(x, 0), true));
  const scale = (b.x - a.x) / meta.width;
  return { scale, x: (v) => a.x + (v + 0.5) * scale, y: (v) => a.y + (v + 0.5) * scale };
}

function surface(element, width, height) {
  const dots = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * dots), Math.round(height * dots)];
  if (element.width !== w || element.height !== h) [element.width, element.height] = [w, h];
  const pen = element.getContext("2d");
  pen.setTransform(dots, 0, 0, dots, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

// The nuclei of the frame that is shown, over the image; as `show` was told last.
export function draw() {
  if (!meta || !drawn) return;
  const { d, frames, cellOf, chosen } = drawn;
  const pen = surface(canvas, at("stage").clientWidth, at("stage").clientHeight);
  const to = lens();
  const mine = chosen < 0 ? -1 : cellOf[chosen];
  pen.font = "12px system-ui, sans-serif";
  let nShown = 0;
  for (const i of frames[view.t] ?? []) {
    const r = reach(i) * to.scale;
    if (!r) continue;
    nShown += 1;
    const isMine = cellOf[i] === mine;
    pen.strokeStyle = pen.fillStyle = isMine ? "#fff" : colour(d.name[i]);
    pen.lineWidth = i === chosen ? 3 : isMine ? 2 : 1.25;
    pen.setLineDash(d.name[i] ? [] : [4, 3]);
    ring(pen, to.x(d.x[i]), to.y(d.y[i]), r);
    pen.setLineDash([]);
    if (at("tails").checked) tail(pen, to, d, i);
    if (isMine || (at("names").value === "all" && d.name[i] && to.scale * radius(i) > 7)) {
      label(pen, nameOf(d, i), to.x(d.x[i]) + r * 0.75 + 2, to.y(d.y[i]) - r * 0.75);
    }
  }
  if (chosen >= 0 && d.frame[chosen] !== view.t) {
    pen.strokeStyle = "#fff";
    pen.setLineDash([2, 4]);
    pen.lineWidth = 1.5;
    ring(pen, to.x(d.x[chosen]), to.y(d.y[chosen]), radius(chosen) * to.scale);
    pen.setLineDash([]);
  }
  canvas.dataset.nuclei = nShown;
}

function ring(pen, x, y, r) {
  pen.beginPath();
  pen.arc(x, y, Math.max(r, 2), 0, 2 * Math.PI);
  pen.stroke();
}

function tail(pen, to, d, row) {
  let i = row;
  for (let k = 0; k < TAIL && d.parent[i] >= 0; k++) {
    const p = d.parent[i];
    pen.globalAlpha = 1 - k / TAIL;
    pen.beginPath();
    pen.moveTo(to.x(d.x[i]), to.y(d.y[i]));
    pen.lineTo(to.x(d.x[p]), to.y(d.y[p]));
    pen.stroke();
    i = p;
  }
  pen.globalAlpha = 1;
}

function label(pen, words, x, y) {
  pen.lineWidth = 3;
  pen.strokeStyle = "rgba(0,0,0,.75)";
  pen.strokeText(words, x, y);
  pen.fillText(words, x, y);
}

// The nucleus of the frame that is shown at a place of the image; -1 where there is none.
export function nucleusAt({ x, y }) {
  const { d, frames } = drawn;
  let best = -1, least = Infinity;
  const leastReach = 10 / lens().scale;
  for (const i of frames[view.t] ?? []) {
    const r = reach(i);
    const away = Math.hypot(d.x[i] - x, d.y[i] - y);
    if (r && away < Math.max(r, leastReach) && away < least) [best, least] = [i, away];
  }
  return best;
}

// The tree: time runs down, and the line is the frame that is shown

const sheet = { width: 0, height: 0, leaf: LEAF, frame: 1 };
export const across = (c) => MARGIN + (c.x + 0.5) * sheet.leaf;
const down = (frame) => MARGIN + frame * sheet.frame;
const ink = () => getComputedStyle(document.body).color;

function drawTree() {
  const { d, frames, cells, cellOf, drawnCells, nLeaves, chosen, changed } = drawn;
  const box = at("tree-box");
  const n = Math.max(1, nLeaves);
  sheet.leaf = Math.min(Math.max(LEAF, (box.clientWidth - 2 * MARGIN) / n), Math.max(1, MOST_WIDE / n));
  sheet.width = Math.max(box.clientWidth, n * sheet.leaf + 2 * MARGIN);
  sheet.height = box.clientHeight - (sheet.width > box.clientWidth ? 16 : 0);
  sheet.frame = (sheet.height - 2 * MARGIN) / Math.max(1, frames.length);
  const element = at("tree");
  Object.assign(element.style, { width: `${sheet.width}px`, height: `${sheet.height}px` });
  const pen = surface(element, sheet.width, sheet.height);
  const text = ink();
  const mine = chosen < 0 ? null : cells[cellOf[chosen]];
  pen.font = "11px system-ui, sans-serif";
  for (const c of drawnCells) {
    const x = across(c), isMine = c === mine;
    const top = c.mother ? down(lastOf(d, c.mother) + 1) : down(firstOf(d, c));
    pen.strokeStyle = isMine || changed.has(c.rows[0]) ? "#d55e00" : c.name ? colour(c.name) : "#9a9a9a";
    pen.lineWidth = isMine || changed.has(c.rows[0]) ? 4 : 2;
    pen.setLineDash(c.name ? [] : [3, 2]);
    pen.beginPath();
    pen.moveTo(x, top);
    pen.lineTo(x, down(lastOf(d, c) + 1));
    if (c.daughters.length > 1) {
      pen.moveTo(across(c.daughters[0]), down(lastOf(d, c) + 1));
      pen.lineTo(across(c.daughters.at(-1)), down(lastOf(d, c) + 1));
    }
    pen.stroke();
    if (isMine || sheet.leaf * (c.daughters.length ? c.daughters.at(-1).x - c.daughters[0].x + 1 : 1) > 7 * c.name.length) {
      pen.fillStyle = text;
      pen.textAlign = isMine && x > sheet.width - 60 ? "right" : "left";
      pen.fillText(c.name || (isMine ? nameOf(d, c.rows[0]) : ""), x + (pen.textAlign === "left" ? 4 : -4), top + 11);
    }
  }
  pen.setLineDash([]);
  pen.strokeStyle = text;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(0, down(view.t + 0.5));
  pen.lineTo(sheet.width, down(view.t + 0.5));
  pen.stroke();
  at("n-cells").textContent = drawnCells.length === 1 ? "1 cell" : `${drawnCells.length} cells`;
}

// The row of the cell whose branch is at a place of the tree, in that frame or the next; -1: none.
export function branchAt(x, y) {
  const { d, drawnCells } = drawn;
  const frame = Math.floor((y - MARGIN) / sheet.frame);
  let best = null, least = Math.max(8, sheet.leaf);
  for (const c of drawnCells) {
    const start = c.mother ? lastOf(d, c.mother) : firstOf(d, c);
    if (frame < start || frame > lastOf(d, c) || Math.abs(across(c) - x) >= least) continue;
    [best, least] = [c, Math.abs(across(c) - x)];
  }
  return best ? (best.rows.find((i) => d.frame[i] >= frame) ?? best.rows.at(-1)) : -1;
}
