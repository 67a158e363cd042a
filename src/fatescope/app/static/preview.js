// The image on a form by tiles, and what the settings at hand give on the part that is in view.

import { makeStage, showRough, tilesOf } from "./stage.js";

const at = (id) => document.getElementById(id);
const { images, preview } = at("preview").dataset;
const now = { n: +at("image").value, t: 0, z: 0, channel: 0 };
const PATIENCE_MS = 700;
let meta = null;
let layer = null; // the image
let dropRough = null; // takes away the rough view of a large image, which lies below all others
let shown = null; // outlines over it
let frame = null; // what they are of

const viewer = makeStage(at("stage"));

function say(words, problem = false) {
  at("preview-said").textContent = words;
  at("preview-said").classList.toggle("problem", problem);
}

async function open() {
  forget();
  viewer.world.removeAll();
  layer = dropRough = null;
  const mine = (open.token = Symbol("image"));
  say("The image is being read …");
  const answer = await fetch(`${images}/${now.n}`);
  const said = await answer.json();
  if (mine !== open.token) return; // another image was chosen in between
  if (!answer.ok) return say(said.problem, true);
  meta = said;
  Object.assign(now, { t: 0, z: meta.plane, channel: meta.colour ? "colour" : 0 });
  slider("t", meta.frames);
  slider("z", meta.planes);
  at("channel").replaceChildren(
    ...(meta.colour ? [new Option("colour", "colour")] : []),
    ...meta.channels.map((name, c) => new Option(name, c)),
  );
  at("channel-tool").hidden = meta.channels.length < 2;
  say("");
  dropRough = showRough(viewer, meta, now.channel);
  show();
}

function slider(id, n) {
  at(`${id}-tool`).hidden = n < 2;
  at(id).max = n - 1;
  at(id).value = now[id];
  at(`${id}-at`).textContent = `${now[id]} of 0–${n - 1}`;
}

function show() {
  const { low, high } = meta.limits[now.channel === "colour" ? 0 : now.channel];
  const kind = now.channel === "colour" ? "colour" : "grey";
  const query = new URLSearchParams({ c: now.channel === "colour" ? 0 : now.channel, low, high });
  const where = `${images}/${now.n}/${kind}/${now.t}/${now.z}`;
  const old = layer;
  viewer.addTiledImage({
    tileSource: tilesOf(meta, where, query),
    index: dropRough ? 1 : 0,
    x: 0,
    y: 0,
    width: 1,
    success: ({ item }) => {
      layer = item;
      item.addHandler("fully-loaded-change", ({ fullyLoaded }) => {
        if (fullyLoaded && dropRough) dropRough = void dropRough();
      });
      if (old) return viewer.world.removeItem(old);
      viewer.viewport.goHome(true);
      at("stage").dataset.ready = "yes";
    },
  });
}

function forget() {
  if (shown && viewer.world.getIndexOfItem(shown) >= 0) viewer.world.removeItem(shown);
  if (frame) viewer.removeOverlay(frame);
  shown = frame = null;
}

// One preview at a time; what changed meanwhile is looked at when it is there.
let busy = false;
let wanted = false;
let begun = false;
let last = ""; // what was asked last
function asking() {
  const b = viewer.viewport.getBounds();
  const view = { top: b.y, left: b.x, bottom: b.y + b.height, right: b.x + b.width };
  const body = new URLSearchParams(new FormData(at("ask")));
  for (const [side, value] of Object.entries(view)) body.set(`view_${side}`, (value * meta.width).toFixed(0));
  body.set("view_t", now.t);
  body.set("view_z", now.z);
  return body;
}
async function look() {
  if (!meta) return;
  if (busy) return void (wanted = true);
  busy = begun = true;
  wanted = false;
  const body = asking();
  last = String(body);
  say("Working on what you see …");
  const asked = `${now.n} ${now.t} ${now.z}`;
  try {
    const answer = await fetch(`${preview}/${now.n}`, { method: "POST", body });
    const said = await answer.json();
    if (asked !== `${now.n} ${now.t} ${now.z}`) wanted = true; // another plane is shown by now
    else if (!said.problem) draw(said);
    else forget(), say(said.problem, true);
  } catch {
    say("The app does not answer. Start it again.", true);
  }
  busy = false;
  if (wanted && String(asking()) !== last) look();
}

function draw({ box, outlines, objects, left_out, seconds }) {
  const [top, left, bottom, right] = box.map((v) => v / meta.width);
  forget();
  viewer.addTiledImage({
    tileSource: { type: "image", url: outlines, buildPyramid: false },
    x: left,
    y: top,
    width: right - left,
    success: ({ item }) => {
      shown = item;
      at("stage").dataset.preview = "shown";
    },
  });
  frame = document.createElement("div");
  frame.className = "region";
  viewer.addOverlay({ element: frame, location: new OpenSeadragon.Rect(left, top, right - left, bottom - top) });
  const n = Object.values(objects).reduce((a, v) => a + v, 0);
  const kinds = Object.entries(objects).filter(([kind]) => kind !== "objects").map(([kind, v]) => `${v} ${kind}`);
  say(`${n} object${n === 1 ? "" : "s"}${kinds.length ? ` (${kinds.join(", ")})` : ""} in ${box[3] - box[1]} × ${box[2] - box[0]} pixels, after ${seconds.toFixed(1)} s.${left_out.length ? ` Without ${left_out.join(", ")}, which are places in the whole image.` : ""}`);
}

let timer;
function changed() {
  if (!begun || !at("again").checked) return;
  clearTimeout(timer);
  timer = setTimeout(() => String(asking()) !== last && look(), PATIENCE_MS);
}

at("look").addEventListener("click", look);
at("ask").addEventListener("input", changed);
at("again").addEventListener("change", changed);
viewer.addHandler("animation-finish", changed);
at("image").addEventListener("change", () => {
  now.n = +at("image").value;
  begun = false;
  open();
});
at("channel").addEventListener("change", () => {
  now.channel = at("channel").value === "colour" ? "colour" : +at("channel").value;
  show();
});
// The channel that a setting names is the one to look at.
at("f-channel")?.addEventListener("change", (event) => {
  const c = meta?.channels.indexOf(event.target.value) ?? -1;
  if (c < 0 || meta.channels.length < 2) return;
  at("channel").value = now.channel = c;
  show();
});
for (const id of ["t", "z"])
  at(id).addEventListener("input", () => {
    now[id] = +at(id).value;
    slider(id, id === "t" ? meta.frames : meta.planes);
    forget();
    show();
    changed();
  });
at("stage").addEventListener("keydown", (event) => {
  if (!meta || event.ctrlKey || event.metaKey || event.altKey) return;
  const b = viewer.viewport.getBounds();
  const by = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, -0.2], ArrowDown: [0, 0.2] }[event.key];
  if (by) viewer.viewport.panBy(new OpenSeadragon.Point(by[0] * b.width, by[1] * b.height));
  else if (event.key === "+" || event.key === "-") viewer.viewport.zoomBy(event.key === "+" ? 1.5 : 1 / 1.5);
  else if (event.key === "0") viewer.viewport.goHome();
  else if (event.key.toLowerCase() === "p") look();
  else return;
  viewer.viewport.applyConstraints();
  event.preventDefault();
});
open();
