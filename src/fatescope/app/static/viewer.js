// The image of a result by tiles, its labels over it, and its table: pointing, picking, stepping.

import { makeStage, showRough, tilesOf } from "./stage.js";

const section = document.getElementById("look");
export const at = (id) => document.getElementById(id);
export const job = section.dataset.job;
const STYLES = ["outlines", "filled", "none"];
const ZOOM = 1.5;
export const now = { n: 0, t: 0, z: 0, channel: 0, low: 0, high: 1, label: 0, brightest: false };
export let meta = null;
// Called where another image, frame or plane is shown.
export const followers = [];
// What review.js does at the same places; without it the image is only looked at.
export const hooks = { revision: () => 0, opened: null, stepped: null, choose: null, key: null, click: null };
let layers = { image: null, labels: null };
let dropRough = null; // takes away the rough view of a large image, which lies below all others
const styleNow = () => (meta?.labels ? at("style").value : "none");
const pending = { image: 0, labels: 0 }; // layers that were asked for and are not there yet

export const viewer = makeStage(at("stage"));

const scale = document.createElement("div");
scale.id = "scale";
at("stage").append(scale);

function source(layer) {
  const query = new URLSearchParams(
    layer === "labels"
      ? { style: styleNow(), r: hooks.revision() }
      : { c: now.channel, low: now.low, high: now.high, ...(now.brightest && { brightest: 1 }) },
  );
  return tilesOf(meta, `${job}/images/${now.n}/${layer}/${now.t}/${now.z}`, query);
}

// A new layer is laid over the old one, which goes once the new one is drawn: nothing flickers.
function show(name, layer, keep = true) {
  const old = layers[name];
  const token = Symbol(name);
  show[name] = token;
  if (!layer) {
    if (old) viewer.world.removeItem(old);
    layers[name] = null;
    return;
  }
  pending[name] += 1;
  at("stage").dataset.drawn = "some";
  const index = name === "image" ? (old ? viewer.world.getIndexOfItem(old) + 1 : dropRough ? 1 : 0) : undefined;
  viewer.addTiledImage({
    tileSource: source(layer),
    index,
    x: 0,
    y: 0,
    width: 1,
    success: ({ item }) => {
      pending[name] -= 1;
      if (show[name] !== token) return viewer.world.removeItem(item);
      layers[name] = item;
      item.addHandler("fully-loaded-change", tellDrawn);
      const drop = () => old && viewer.world.getIndexOfItem(old) >= 0 && viewer.world.removeItem(old);
      if (!old) {
        if (!keep) viewer.viewport.goHome(true);
        return;
      }
      if (item.getFullyLoaded()) return drop();
      item.addHandler("fully-loaded-change", (event) => event.fullyLoaded && drop());
      setTimeout(drop, 1500);
    },
  });
}

export const showImage = (keep) => show("image", now.channel === "colour" ? "colour" : "grey", keep);
export const showLabels = () => show("labels", styleNow() === "none" ? null : "labels");

let opening = 0;
async function open(n) {
  const mine = ++opening;
  at("stage").dataset.drawn = "some";
  now.n = n;
  unpick();
  at("rows")?.querySelector("tbody").replaceChildren(); // they would pick objects of the new image
  viewer.world.removeAll();
  layers = { image: null, labels: null };
  dropRough?.();
  dropRough = null;
  const answer = await fetch(`${job}/images/${n}`);
  const said = await answer.json();
  if (mine !== opening) return; // another image was asked for in between
  at("no-look").textContent = said.problem ?? "";
  at("no-look").hidden = answer.ok;
  meta = answer.ok ? said : null;
  if (!meta) return;
  Object.assign(now, { t: 0, z: meta.plane, channel: meta.colour ? "colour" : 0 });
  slider("t", meta.frames, now.t);
  slider("z", meta.planes, now.z);
  const channels = at("channel");
  channels.replaceChildren(
    ...(meta.colour ? [new Option("colour", "colour")] : []),
    ...meta.channels.map((name, c) => new Option(name, c)),
  );
  at("channel-tool").hidden = meta.channels.length < 2;
  contrast();
  await hooks.opened?.();
  if (mine !== opening) return;
  dropRough = showRough(viewer, meta, now.channel);
  showImage(false);
  showLabels();
  rows();
  drawScale();
  for (const follow of followers) follow();
}

function slider(id, n, value) {
  at(`${id}-tool`).hidden = n < 2;
  at(id).max = n - 1;
  at(id).value = value;
  tellSlider(id, n);
}

function tellSlider(id, n) {
  const minutes = id === "t" && meta.interval_min ? ` · ${+(now.t * meta.interval_min).toPrecision(4)} min` : "";
  at(`${id}-at`).textContent = `${now[id]} of 0–${n - 1}${minutes}`;
}

function contrast() {
  const of = (name, choose) => choose(...meta.limits.map((channel) => channel[name]));
  const all = { low: of("low", Math.min), high: of("high", Math.max), least: of("least", Math.min), most: of("most", Math.max) };
  const limits = now.channel === "colour" ? all : meta.limits[now.channel];
  const fine = (limits.most - limits.least) / 500;
  for (const id of ["low", "high"]) {
    Object.assign(at(id), { min: limits.least, max: limits.most, step: fine > 1 ? Math.round(fine) : fine || 1 });
    at(id).value = limits[id];
    now[id] = limits[id];
    at(`${id}-at`).textContent = +limits[id].toPrecision(4);
  }
}

let steppingTimer;
export function step(id, value) {
  if (!meta) return;
  const n = id === "t" ? meta.frames : meta.planes;
  const to = Math.max(0, Math.min(n - 1, value));
  if (to === now[id]) return;
  now[id] = to;
  at(id).value = to;
  tellSlider(id, n);
  const picked = id === "z" || meta.linked ? now.label : 0; // the same object, elsewhere
  unpick();
  if (picked) again(picked);
  hooks.stepped?.();
  showImage(true);
  showLabels();
  for (const follow of followers) follow();
  if (id === "t") {
    clearTimeout(steppingTimer);
    steppingTimer = setTimeout(rows, 200);
  }
}

async function again(label) {
  const mine = ++repicking;
  const found = await objectAt({ label });
  if (mine === repicking && !now.label && found.row) pick(found, true);
}

at("image").addEventListener("change", () => open(+at("image").value));
at("t").addEventListener("input", () => step("t", +at("t").value));
at("z").addEventListener("input", () => step("z", +at("z").value));
at("style")?.addEventListener("change", showLabels);
at("channel").addEventListener("change", () => {
  const value = at("channel").value;
  now.channel = value === "colour" ? value : +value;
  contrast();
  showImage(true);
});
let contrastTimer;
for (const id of ["low", "high"]) {
  at(id).addEventListener("input", () => {
    now[id] = +at(id).value;
    at(`${id}-at`).textContent = +now[id].toPrecision(4);
    contrastTimer ??= setTimeout(() => {
      contrastTimer = null;
      showImage(true);
    }, 60);
  });
}

at("stage").addEventListener("keydown", (event) => {
  if (hooks.key?.(event)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey && event.key.startsWith("Arrow")) return;
  const keys = {
    ArrowRight: () => step("t", now.t + 1),
    ArrowLeft: () => step("t", now.t - 1),
    ArrowUp: () => step("z", now.z - 1),
    ArrowDown: () => step("z", now.z + 1),
    "+": () => viewer.viewport.zoomBy(ZOOM),
    "=": () => viewer.viewport.zoomBy(ZOOM),
    "-": () => viewer.viewport.zoomBy(1 / ZOOM),
    0: () => viewer.viewport.goHome(),
    l: () => {
      const style = at("style");
      if (!style) return;
      style.value = STYLES[(STYLES.indexOf(style.value) + 1) % STYLES.length];
      showLabels();
    },
    Escape: unpick,
  };
  const done = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!done) return;
  event.preventDefault();
  event.stopPropagation();
  done();
}, true);

// Pointing and picking

// In pixels of the image; the centre of a pixel is a whole number.
export function pointAt(position) {
  const point = viewer.viewport.viewerElementToViewportCoordinates(position);
  return { x: point.x * meta.width - 0.5, y: point.y * meta.width - 0.5 };
}

function pixelAt(position) {
  const point = pointAt(position);
  const [x, y] = [Math.round(point.x), Math.round(point.y)];
  return x < 0 || y < 0 || x >= meta.width || y >= meta.height ? null : { x, y };
}

export async function objectAt(query) {
  const place = new URLSearchParams({ t: now.t, z: now.z, ...query });
  return (await fetch(`${job}/images/${now.n}/at?${place}`)).json();
}

const HIDDEN = /^(image|bbox_|frame$|doubt)/;
function tell(found) {
  const picked = at("picked");
  if (!picked) return;
  picked.replaceChildren();
  if (!found?.row) {
    picked.textContent = "Point at an object to see its measurements; click it to find its row.";
    return;
  }
  const name = document.createElement("b");
  name.textContent = `Object ${found.label}`;
  picked.append(name);
  for (const [key, value] of Object.entries(found.row)) {
    if (value === null || HIDDEN.test(key) || key === "label") continue;
    picked.append(` · ${words(key)} ${value}${unit(key)}`);
  }
}

const UNITS = { _um3: " µm³", _um2: " µm²", _um: " µm", _px: " px" };
const ending = (key) => Object.keys(UNITS).find((end) => key.endsWith(end)) ?? "";
const unit = (key) => UNITS[ending(key)] ?? "";
const words = (key) => key.slice(0, key.length - ending(key).length).replaceAll("_", " ");

let hover;
let pointing = 0;
viewer.innerTracker.moveHandler = (event) => {
  if (!meta?.labels || !at("picked")) return;
  clearTimeout(hover);
  hover = setTimeout(async () => {
    if (now.label) return;
    const pixel = pixelAt(event.position);
    if (!pixel) return;
    const mine = ++pointing;
    const found = await objectAt(pixel);
    if (mine === pointing && !now.label) tell(found);
  }, 25);
};

viewer.addHandler("canvas-click", async (event) => {
  if (!event.quick || hooks.click?.(event) || !meta?.labels) return;
  const pixel = pixelAt(event.position);
  const found = pixel && (await objectAt(pixel));
  if (hooks.choose?.(found, event.originalEvent)) return;
  found?.row ? pick(found, true) : unpick();
});

let outline = null;
let repicking = 0;
export function pick(found, scroll) {
  unpick();
  now.label = found.label;
  tell(found);
  const [y0, x0, y1, x1] = found.box;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${2 * (x1 - x0)} ${2 * (y1 - y0)}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "pick");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", found.path);
  svg.append(path);
  outline = svg;
  const place = new OpenSeadragon.Rect(x0 / meta.width, y0 / meta.width, (x1 - x0) / meta.width, (y1 - y0) / meta.width);
  viewer.addOverlay({ element: svg, location: place });
  if (!scroll) {
    const wide = new OpenSeadragon.Rect(place.x - 1.5 * place.width, place.y - 1.5 * place.height, 4 * place.width, 4 * place.height);
    if (!viewer.viewport.getBounds().containsPoint(place.getCenter())) viewer.viewport.fitBounds(wide);
  }
  mark(scroll);
  for (const follow of followers) follow();
}

// Pick an object by its label, in the plane in which its middle lies.
export async function choose(label) {
  const first = label ? await objectAt({ label }) : null;
  if (!first?.row) return unpick();
  if (meta.planes > 1 && first.row.z !== null) step("z", Math.round(first.row.z));
  const found = await objectAt({ label });
  if (found.row) pick(found, true);
}

export function unpick() {
  repicking += 1; // whatever is on its way comes too late
  if (outline) viewer.removeOverlay(outline);
  outline = null;
  const before = now.label;
  now.label = 0;
  tell(null);
  mark(false);
  if (before) for (const follow of followers) follow();
}

// The table

const table = { order: "label", down: false, offset: 0, total: 0, size: 0 };
let asking = 0;
export async function rows(offset = 0) {
  const box = at("rows");
  if (!box) return;
  const mine = ++asking;
  const query = new URLSearchParams({ t: now.t, order: table.order, down: table.down ? 1 : 0, offset });
  const found = await (await fetch(`${job}/images/${now.n}/objects?${query}`)).json();
  if (mine !== asking) return; // other rows were asked for in between
  Object.assign(table, { offset: found.offset, total: found.total, size: found.rows.length });
  at("n-objects").textContent = `${found.total} ${meta.frames > 1 ? "in this frame" : ""}`;
  at("turn").hidden = found.total <= found.rows.length;
  at("before").disabled = found.offset === 0;
  at("after").disabled = found.offset + found.rows.length >= found.total;
  const head = document.createElement("tr");
  for (const column of found.columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    const sorted = column === table.order;
    if (sorted) cell.setAttribute("aria-sort", table.down ? "descending" : "ascending");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `${column}${sorted ? (table.down ? " ↓" : " ↑") : ""}`;
    button.addEventListener("click", () => {
      table.down = sorted && !table.down;
      table.order = column;
      rows();
    });
    cell.append(button);
    head.append(cell);
  }
  const label = found.columns.indexOf("label");
  const body = found.rows.map((row) => {
    const line = document.createElement("tr");
    line.dataset.label = row[label];
    line.tabIndex = 0;
    for (const value of row) line.insertCell().textContent = value ?? "";
    const choose = async () => {
      const z = found.columns.indexOf("z");
      if (z >= 0 && meta.planes > 1 && row[z] !== null) step("z", Math.round(row[z]));
      const chosen = await objectAt({ label: row[label] });
      if (hooks.choose?.(chosen, null)) return;
      if (chosen?.row) pick(chosen, false);
    };
    line.addEventListener("click", choose);
    line.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose();
      }
    });
    return line;
  });
  box.querySelector("thead").replaceChildren(head);
  box.querySelector("tbody").replaceChildren(...body);
  mark(false);
}

function mark(scroll) {
  const box = at("rows");
  if (!box) return;
  for (const line of box.querySelectorAll("tbody tr")) {
    const chosen = +line.dataset.label === now.label;
    chosen ? line.setAttribute("aria-current", "true") : line.removeAttribute("aria-current");
    if (chosen && scroll) {
      box.scrollTop = line.offsetTop - box.clientHeight / 2;
    }
  }
  const there = box.querySelector(`tr[data-label="${now.label}"]`);
  if (scroll && now.label && !there && table.order === "label" && !table.down) {
    rows(Math.max(0, now.label - 1 - 20)).then(() => box.querySelector(`tr[data-label="${now.label}"]`) && mark(true));
  }
}
at("before")?.addEventListener("click", () => rows(Math.max(0, table.offset - 200)));
at("after")?.addEventListener("click", () => rows(table.offset + table.size));

function drawScale() {
  scale.hidden = !meta;
  if (!meta) return;
  const um = meta.pixel_um;
  const pixels = viewer.viewport.getZoom(true) * at("stage").clientWidth / meta.width;
  const room = at("stage").clientWidth / 5;
  const one = um ? pixels / um : pixels;
  const power = 10 ** Math.floor(Math.log10(room / one));
  const nice = [5, 2, 1].map((n) => n * power).find((n) => n * one <= room) ?? power;
  scale.style.width = `${nice * one}px`;
  scale.textContent = `${+nice.toPrecision(3)} ${um ? "µm" : "px"}`;
}
// Whoever automates the page may wait for this: every layer is there with all of its tiles.
function tellDrawn() {
  const [image, labels] = [layers.image, layers.labels];
  const there = (item, wanted) => (wanted ? item?.getFullyLoaded() : true) && viewer.world.getItemCount() === 1 + (layers.labels ? 1 : 0);
  if (dropRough && image?.getFullyLoaded()) dropRough = void dropRough();
  const all = meta && there(image, true) && there(labels, styleNow() !== "none") && !pending.image && !pending.labels;
  at("stage").dataset.drawn = all ? "all" : "some";
}
viewer.addHandler("update-viewport", drawScale);
viewer.addHandler("update-viewport", tellDrawn);
viewer.addHandler("animation-finish", tellDrawn);
for (const event of ["add-item", "remove-item"]) viewer.world.addHandler(event, () => setTimeout(tellDrawn));
viewer.addHandler("open", drawScale);
viewer.addHandler("resize", drawScale);

open(+at("image").value);
