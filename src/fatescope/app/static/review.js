// Correcting labels: brush, eraser, outline, cut, merge, split, remove; each is saved before it is answered.

import { at, hooks, job, meta, now, objectAt, pick, pointAt, rows, showLabels, step, unpick, viewer } from "./viewer.js";

const TOOLS = { v: "look", p: "paint", e: "erase", n: "draw", c: "cut", m: "merge", 1: "erase", 2: "paint", 3: "draw", 6: "look" };
const SAYS = {
  look: "Click an object to pick it. Then remove it, split it, or choose what to do with it.",
  paint: "Draw over the image: the object where you begin, or the one that is picked, grows. Beginning on nothing makes a new object.",
  erase: "Draw over what is to go.",
  draw: "Draw a line around a new object.",
  cut: "Draw a line across an object, from side to side.",
  merge: "Click the objects that are one with the one that is picked.",
};
const NONE = { edits: 0, undo: "", redo: "", revisions: {}, checked: [] };
const NEAREST_PX = 1.5;
let tool = "look";
let review = NONE;
let stroke = null; // points of the line that is being drawn, in pixels of the image
let cursor = null; // where the keys are

const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
svg.id = "drawing";
svg.setAttribute("aria-hidden", "true");
const part = (name) => svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
const [line, ring, cross] = [part("path"), part("circle"), part("path")];
cross.setAttribute("class", "cross");
at("stage").append(svg);

hooks.revision = () => review.revisions[now.t] ?? 0;
hooks.opened = async () => {
  cursor = null;
  drop();
  const place = `${job}/images/${now.n}`;
  const state = await (await fetch(`${place}/review`)).json();
  if (place === `${job}/images/${now.n}`) take(state);
};
hooks.stepped = () => {
  drop();
  tell();
};

function say(words, problem = false) {
  at("edit-said").textContent = words;
  at("edit-said").classList.toggle("problem", problem);
}

function take(state) {
  review = { ...NONE, ...state };
  for (const way of ["undo", "redo"]) {
    at(way).disabled = !review[way];
    at(way).title = review[way] ? `${way}: ${review[way]}` : `nothing to ${way}`;
  }
  for (const what of ["labels", "objects", "rois"]) at(`export-${what}`).href = `${job}/images/${now.n}/export/${what}`;
  at("saved").textContent = review.edits ? `, with ${review.edits} ${review.edits === 1 ? "edit" : "edits"}` : "";
  tell();
}

function tell() {
  const here = review.checked.some(([t, z]) => t === now.t && (meta.planes < 2 || z === now.z));
  at("right").checked = here;
}

// One request after the other, so that edits happen in the order in which they were made.
let last = Promise.resolve();
function send(what, body) {
  const place = `${job}/images/${now.n}`;
  say("Saving …");
  last = last.then(async () => {
    let said;
    try {
      const answer = await fetch(`${place}/review/${what}`, { method: "POST", body: JSON.stringify(body ?? {}) });
      said = await answer.json();
      if (!answer.ok) return say(said.problem, true);
    } catch {
      return say("The app does not answer. Start it again; every edit that was shown is kept.", true);
    }
    if (place !== `${job}/images/${now.n}`) return;
    take(said);
    if (what === "check") return say(body.yes ? "Noted: may be used for training." : "Noted: not for training.");
    const done = what === "edit" ? review.undo : what === "undo" ? `took back: ${review.redo}` : `again: ${review.undo}`;
    if (said.frame !== now.t) step("t", said.frame);
    unpick();
    showLabels();
    await rows();
    if (said.label) {
      const found = await objectAt({ label: said.label });
      if (found?.row) pick(found, true);
    }
    say(`Saved: ${done}.`);
  });
  return last;
}
const edit = (what, more = {}) => send("edit", { do: what, frame: now.t, plane: now.z, ...more });

const radius = () => +at("brush").value;
const rounded = (points) => points.map(({ y, x }) => [+y.toFixed(2), +x.toFixed(2)]);
const labelAt = async ({ y, x }) => {
  const [row, column] = [Math.round(y), Math.round(x)];
  if (row < 0 || column < 0 || row >= meta.height || column >= meta.width) return 0;
  return (await objectAt({ y: row, x: column })).label;
};

async function finish(points) {
  if (tool === "paint") {
    const under = await labelAt(points[0]);
    return edit("paint", { label: under || now.label, points: rounded(points), radius_px: radius() });
  }
  if (tool === "erase") return edit("erase", { points: rounded(points), radius_px: radius() });
  if (tool === "draw") return edit("draw", { points: rounded(points) });
  let label = now.label;
  for (let n = 0; n < points.length && !label; n += Math.max(1, points.length >> 4)) label = await labelAt(points[n]);
  if (!label && points.length > 1) {
    const [a, b] = [points[0], points[points.length - 1]];
    label = await labelAt({ y: (a.y + b.y) / 2, x: (a.x + b.x) / 2 });
  }
  return label ? edit("cut", { label, points: rounded(points) }) : say("The line crosses no object.", true);
}

function choose(name) {
  tool = name;
  drop();
  for (const button of document.querySelectorAll("#correct [data-tool]"))
    button.setAttribute("aria-pressed", button.dataset.tool === name);
  at("stage").dataset.tool = name;
  say(name === "merge" && !now.label ? "Pick an object first, then those that are one with it." : SAYS[name]);
  draw();
}

const WHOLE = {
  remove: () => (now.label ? edit("remove", { label: now.label }) : say("Pick an object first: click it, or its row.", true)),
  split: () => (now.label ? edit("split", { label: now.label }) : say("Pick an object first: click it, or its row.", true)),
  undo: () => (stroke ? (drop(), say("The line that was being drawn is gone; nothing else was changed.")) : send("undo")),
  redo: () => stroke || send("redo"),
};

hooks.choose = (found, event) => {
  const picked = now.label;
  if (!found?.label) return false;
  if (event?.ctrlKey) return edit("remove", { label: found.label }), true;
  if ((tool === "merge" || event?.altKey) && picked && picked !== found.label)
    return edit("merge", { label: picked, other: found.label }), true;
  return false;
};

// Drawing with the mouse or a pen

const draws = () => ["paint", "erase", "draw", "cut"].includes(tool) && meta;
let held = false; // space: the hand, whatever the tool
viewer.addHandler("canvas-press", (event) => {
  if (!draws() || held) return;
  stroke = [pointAt(event.position)];
  draw();
});
viewer.addHandler("canvas-drag", (event) => {
  if (!stroke || held) return;
  event.preventDefaultAction = true;
  const [point, before] = [pointAt(event.position), stroke[stroke.length - 1]];
  const scale = viewer.viewport.getZoom(true) * at("stage").clientWidth / meta.width;
  if (Math.hypot(point.x - before.x, point.y - before.y) * scale >= NEAREST_PX) stroke.push(point);
  draw();
});
viewer.addHandler("canvas-drag-end", (event) => {
  if (draws() && !held) event.preventDefaultAction = true;
});
viewer.addHandler("canvas-release", () => {
  if (!stroke || held) return;
  const points = stroke;
  stroke = null;
  const clicked = points.length < 2 && (tool === "draw" || tool === "cut");
  if (!clicked) finish(points).then(draw);
  draw();
});
viewer.addHandler("canvas-click", (event) => {
  if (draws()) event.preventDefaultAction = true;
});

// Drawing with keys: Shift and arrows move a cross, Space uses the tool there

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
function moved([dy, dx], far) {
  const bounds = viewer.viewport.getBounds();
  cursor ??= { y: Math.round((bounds.y + bounds.height / 2) * meta.width), x: Math.round((bounds.x + bounds.width / 2) * meta.width) };
  const by = far ? Math.max(1, Math.round(radius())) : 1;
  cursor.y = Math.max(0, Math.min(meta.height - 1, cursor.y + dy * by));
  cursor.x = Math.max(0, Math.min(meta.width - 1, cursor.x + dx * by));
  const point = new OpenSeadragon.Point((cursor.x + 0.5) / meta.width, (cursor.y + 0.5) / meta.width);
  if (!bounds.containsPoint(point)) viewer.viewport.panTo(point);
  draw();
}

async function used() {
  if (!cursor) return moved([0, 0], false);
  const point = { ...cursor };
  if (tool === "paint" || tool === "erase") return finish([point]);
  if (tool === "look" || tool === "merge") {
    const found = await objectAt({ y: point.y, x: point.x });
    if (!hooks.choose(found, null)) found?.row ? pick(found, true) : unpick();
    return;
  }
  stroke = [...(stroke ?? []), point];
  if (tool === "cut" && stroke.length === 2) ended();
  draw();
}

function ended() {
  const points = stroke;
  stroke = null;
  if (points) finish(points);
  draw();
}

hooks.key = (event) => {
  const done = () => (event.preventDefault(), event.stopPropagation(), true);
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.shiftKey && ARROWS[event.key]) return moved(ARROWS[event.key], !event.repeat || tool === "paint" || tool === "erase"), done();
  if (event.key === " ") {
    if (!event.repeat) used();
    return done();
  }
  if (event.key === "Enter") return stroke ? ended() : used(), done();
  if (event.key === "Escape" && (stroke || tool !== "look")) return choose("look"), done();
  if (event.key === "Delete" || event.key === "Backspace") return WHOLE.remove(), done();
  if (event.key === "[" || event.key === "]") {
    at("brush").value = radius() * (event.key === "[" ? 0.8 : 1.25) + (event.key === "[" ? -0.3 : 0.3);
    return sized(), done();
  }
  const key = event.key.toLowerCase();
  if (key === "s") return WHOLE.split(), done();
  if (TOOLS[key]) return choose(TOOLS[key]), done();
  return false;
};
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range") return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  WHOLE[key === "y" || event.shiftKey ? "redo" : "undo"]();
});
at("rows")?.addEventListener("keydown", (event) => {
  if (["Delete", "Backspace", "s", "S", "m", "M"].includes(event.key)) hooks.key(event);
});

for (const button of document.querySelectorAll("#correct [data-tool]")) button.addEventListener("click", () => choose(button.dataset.tool));
for (const button of document.querySelectorAll("#correct [data-do]")) button.addEventListener("click", () => WHOLE[button.dataset.do]());
at("right").addEventListener("change", () => send("check", { frame: now.t, plane: now.z, yes: at("right").checked }));
function sized() {
  at("brush-at").textContent = `${(+(2 * radius()).toPrecision(3))} px`;
  draw();
}
at("brush").addEventListener("input", sized);
at("history").addEventListener("toggle", async () => {
  if (!at("history").open) return;
  const entries = await (await fetch(`${job}/images/${now.n}/review/history`)).json();
  at("steps").replaceChildren(
    ...entries.reverse().map((e) => {
      const item = document.createElement("li");
      item.textContent = `${e.text.trim() || "ticked or unticked"} · ${e.who}, ${e.time.replace("T", " ").replace("Z", "")}${e.holds ? "" : " · does not hold"}`;
      return item;
    }),
  );
});

// The line, the brush and the cross over the image

let pointer = null;
at("stage").addEventListener("pointermove", (event) => {
  const box = at("stage").getBoundingClientRect();
  pointer = { x: event.clientX - box.left, y: event.clientY - box.top };
  if (tool === "paint" || tool === "erase") draw();
});
at("stage").addEventListener("pointerleave", () => ((pointer = null), draw()));

function onScreen({ y, x }) {
  return viewer.viewport.viewportToViewerElementCoordinates(
    new OpenSeadragon.Point((x + 0.5) / meta.width, (y + 0.5) / meta.width),
  );
}
function drop() {
  stroke = null;
  draw();
}
function draw() {
  if (!meta) return;
  const scale = viewer.viewport.getZoom(true) * at("stage").clientWidth / meta.width;
  const round = tool === "paint" || tool === "erase";
  const points = (stroke ?? []).map(onScreen);
  const path = points.map(({ x, y }, n) => `${n ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  line.setAttribute("d", path && (points.length === 1 ? `${path}h.1` : path + (tool === "draw" ? "Z" : "")));
  line.setAttribute("class", round ? `brush ${tool}` : "line");
  line.setAttribute("stroke-width", round ? 2 * radius() * scale : 2);
  const middle = round && (pointer ?? (cursor && onScreen(cursor)));
  ring.setAttribute("r", middle ? radius() * scale : 0);
  if (middle) ring.setAttribute("cx", middle.x), ring.setAttribute("cy", middle.y);
  const key = cursor && onScreen(cursor);
  cross.setAttribute("d", key ? `M${key.x - 12} ${key.y}h24M${key.x} ${key.y - 12}v24` : "");
}
viewer.addHandler("update-viewport", draw);
choose("look");
sized();
