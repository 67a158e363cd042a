// A lineage on its movie: nuclei, tracks and names over the image, the tree beside it, and edits by
// clicks. Rows are held here as columns; an edit answers with the rows that it changed.

import { at, followers, hooks, meta, now as view, pointAt, showImage, step, viewer } from "./viewer.js";
import { cellsOf, firstOf, lastOf, nameOf } from "./movie_cells.js";
import { across, branchAt, draw, nucleusAt, show as drawAll } from "./movie_drawing.js";

const page = at("movie");
const { address } = page.dataset;
let state = { revision: 0, undo: "", redo: "" };
let d = null; // the columns
let cells = [], cellOf = [], frames = [], children = [], drawnCells = [], nLeaves = 0; // what follows
let chosen = -1; // a row
let waitingFor = null; // what the next click is for
let changed = new Set(); // cells that the last edit changed
let doubts = [];
const SURE = 0.9, UNLIKELY = 0.5; // chances of a division and of a link that are looked at

const quoted = (word) => (/^[\w.@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
const shown = (row) => nameOf(d, row);
const first = (c) => firstOf(d, c), last = (c) => lastOf(d, c);
const cell = () => cells[cellOf[chosen]];

function say(words, problem = false) {
  at("said").textContent = words;
  at("said").classList.toggle("problem", problem);
}

function derive() {
  ({ cells, cellOf, frames, children, drawnCells, nLeaves } = cellsOf(d));
}

// Doubts, the least likely first: divisions, links, tracks that begin or end in the middle

function doubt() {
  const end = frames.length - 1, begin = frames.findIndex((rows) => rows);
  doubts = [];
  const add = (row, score, what) => doubts.push({ row, score, what });
  for (const c of cells) {
    if (c.rows.length < 2 && !c.mother && !c.daughters.length) continue; // seen in one frame only
    const [a, z] = [c.rows[0], c.rows.at(-1)];
    for (const i of c.rows) {
      const score = d.link_score?.[i] ?? 1;
      if (score < UNLIKELY) add(i, score, `the link of ${shown(i)} to the frame before`);
    }
    const split = d.division_score?.[z];
    if (c.daughters.length > 2) add(z, 0, `${shown(z)} becomes ${c.daughters.length}`);
    else if (c.daughters.length === 2 && (split ?? 1) < SURE) add(z, split, `the division of ${shown(z)}`);
    if (!c.mother && first(c) > begin && d.link_score?.[a] !== 1) add(a, UNLIKELY, `${shown(a)} comes from nowhere`);
    if (!c.daughters.length && last(c) < end && d.division_score?.[z] !== 1) add(z, UNLIKELY, `${shown(z)} ends`);
  }
  doubts.sort((a, b) => a.score - b.score || d.frame[a.row] - d.frame[b.row]);
  at("n-doubts").textContent = doubts.length;
  at("next").disabled = at("earlier").disabled = !doubts.length;
}

// The doubt that is chosen and ``by`` further; what was accepted or mended has left the list.
let lastDoubt = 0;
function go(by) {
  if (!doubts.length) return void (at("doubt").textContent = "Nothing is left that is in doubt.");
  const k = doubts.findIndex((o) => o.row === chosen);
  lastDoubt = ((k < 0 ? lastDoubt + Math.min(by, 0) : k + by) + doubts.length) % doubts.length;
  const { row, score, what } = doubts[lastDoubt];
  at("doubt").textContent = `${lastDoubt + 1} of ${doubts.length}: ${what} (frame ${d.frame[row]}${score === UNLIKELY ? "" : `, chance ${score}`}).`;
  choose(row, { go: true });
}

const show = () => drawAll({ d, cells, cellOf, frames, drawnCells, nLeaves, chosen, changed });

// Choosing

function choose(row, { go = false, scroll = true } = {}) {
  chosen = row;
  const none = row < 0;
  for (const b of document.querySelectorAll("[data-act]")) b.disabled = none && b.dataset.act !== "add";
  at("name").disabled = at("rename").disabled = none;
  at("name").value = none ? "" : d.name[row];
  if (none) {
    at("h-chosen").textContent = "No nucleus is chosen";
    at("about-chosen").textContent = "Click one in the movie, or a branch of the tree.";
    return show();
  }
  const c = cell();
  at("h-chosen").textContent = d.name[row] || `Row ${row}, without a name`;
  const words = [`Frame ${d.frame[row]} of ${first(c)}–${last(c)}.`];
  words.push(c.mother ? `Came from ${shown(c.mother.rows[0])}.` : "Came from no cell that is known.");
  if (c.daughters.length) words.push(`Becomes ${c.daughters.map((o) => shown(o.rows[0])).join(" and ")}.`);
  for (const [column, what] of [["link_score", "its link"], ["division_score", "its division"]]) {
    const score = d[column]?.[row];
    if (score !== null && score !== undefined) words.push(`Chance of ${what}: ${score}.`);
  }
  at("about-chosen").textContent = words.join(" ");
  if (go) {
    if (!view.brightest && meta.planes > 1) step("z", Math.round(d.z[row]));
    step("t", d.frame[row]);
    const there = new OpenSeadragon.Point((d.x[row] + 0.5) / meta.width, (d.y[row] + 0.5) / meta.width);
    if (!viewer.viewport.getBounds().containsPoint(there)) viewer.viewport.panTo(there);
  }
  show();
  const box = at("tree-box"), x = across(c);
  if (scroll && (x < box.scrollLeft || x > box.scrollLeft + box.clientWidth)) box.scrollLeft = x - box.clientWidth / 2;
}

hooks.click = (event) => {
  const place = pointAt(event.position);
  const row = nucleusAt(place);
  at("stage").focus({ preventScroll: true });
  if (waitingFor) waitingFor(place, row);
  else choose(row);
  return true;
};

at("tree").addEventListener("click", (event) => {
  const box = at("tree").getBoundingClientRect();
  const row = branchAt(event.clientX - box.left, event.clientY - box.top);
  if (row < 0) return choose(-1);
  if (waitingFor) return waitingFor({ x: d.x[row], y: d.y[row] }, row);
  choose(row, { go: true, scroll: false });
});

// Edits

let queue = Promise.resolve();
async function post(what, form) {
  const body = new URLSearchParams({ seen: state.revision, answer: "rows", ...form });
  const answer = await fetch(`${address}/edits/${what}`, { method: "POST", body });
  return { ok: answer.ok, stale: answer.status === 409, said: await answer.json() };
}

function send(what, form = {}, { choose: wanted = null } = {}) {
  const begun = performance.now();
  queue = queue.then(async () => {
    let said;
    try {
      let got = await post(what, form);
      if (got.stale) {
        await load();
        if (isNaming) got = await post(what, form); // names changed, and no row did
      }
      if (!got.ok) return say(got.said.problem, true);
      said = got.said;
    } catch {
      return say("The app does not answer. Start it again; every edit that was shown is kept.", true);
    }
    take(said, wanted);
    say(what === "do" ? `Saved: ${said.undo}.` : what === "undo" ? `Took back: ${said.redo}.` : `Again: ${said.undo}.`);
    page.dataset.milliseconds = Math.round(performance.now() - begun); // what a person waited for
    page.dataset.revision = state.revision;
    clearTimeout(namer);
    if (what === "do" && NAMES_DEPEND.test(form.line)) namer = setTimeout(nameAgain, 1000);
  });
  return queue;
}

// Names that depend on a correction are worked out while the person goes on.
const NAMES_DEPEND = /\b(relink|split|join|add|remove|move) /;
let namer = 0, isNaming = false;
async function nameAgain() {
  if (!d.name.some(Boolean)) return;
  const seen = state.revision, names = d.name.slice();
  isNaming = true;
  at("named").textContent = "Names that depend on this are being worked out …";
  try {
    const { ok, stale, said } = await post("name", {});
    if (state.revision !== seen || stale) return void (at("named").textContent = "");
    if (!ok) return void (at("named").textContent = said.problem);
    const renamed = said.revision === seen ? [] : new Map(said.at.map((row, k) => [cellOf[row], [names[row], said.rows.name[k]]])).values();
    const words = [...renamed].map(([old, name]) => `${old || "no name"} → ${name || "no name"}`);
    if (words.length) take(said, null);
    page.dataset.revision = state.revision;
    at("named").textContent = words.length ? `Named again: ${words.slice(0, 8).join(", ")}${words.length > 8 ? ` and ${words.length - 8} more` : ""}. Undo takes it back together with the edit.` : "No other name depends on it.";
  } finally {
    isNaming = false;
  }
}

function take(said, wanted) {
  state = said;
  if (said.cut) {
    const [from, to] = said.cut;
    const n = said.rows.frame.length;
    for (const name of Object.keys(d)) d[name] = name === "parent" ? said.parent : d[name].slice(0, from).concat(said.rows[name], d[name].slice(to));
    if (chosen >= to) chosen += n - (to - from);
    else if (chosen >= from) chosen = -1;
    changed = new Set(said.rows.frame.map((_, k) => from + k));
  } else {
    for (const [name, column] of Object.entries(said.rows)) said.at.forEach((row, k) => (d[name][row] = column[k]));
    changed = new Set(said.at);
  }
  for (const name of ["undo", "redo"]) {
    at(name).disabled = !said[name];
    at(name).title = said[name] ? `${name === "undo" ? "Take back" : "Do again"}: ${said[name]}` : "";
  }
  derive();
  doubt();
  changed = new Set([...changed].map((row) => cells[cellOf[row]].rows[0]));
  choose(wanted !== null && wanted < d.frame.length ? wanted : chosen, { scroll: wanted !== null });
}

const edit = (line, wanted = null) => send("do", { line }, { choose: wanted });
const accepted = (row) => (d.link_score ? [`accept #${row}`] : []); // a person said so

function askFor(words, then) {
  waitingFor = (place, row) => {
    if (then(place, row) === false) return;
    leave();
  };
  say(words);
  at("stage").dataset.tool = "draw";
}
function leave() {
  waitingFor = null;
  delete at("stage").dataset.tool;
}

function link(instead) {
  const from = chosen;
  askFor(`${shown(from)} in frame ${d.frame[from]}: step in time, then click the nucleus that it is linked with. Esc leaves it.`, (_, row) => {
    if (row < 0) return false;
    if (d.frame[row] === d.frame[from]) return say("Both are in the same frame. Step in time first.", true), false;
    const [mother, child] = d.frame[row] < d.frame[from] ? [row, from] : [from, row];
    const others = instead ? (children[mother] ?? []).filter((i) => i !== child) : [];
    edit([`relink #${child} #${mother}`, ...others.map((i) => `relink #${i} none`), ...accepted(child)].join("; "), child);
  });
}

// A nucleus that was missed stands between the last of its cell before this frame and what follows.
function add() {
  const t = view.t;
  const before = chosen < 0 ? -1 : (cell().rows.findLast((i) => d.frame[i] < t) ?? -1);
  askFor(`Click where the nucleus of frame ${t} is${before < 0 ? "; it will belong to no cell yet" : `; it will follow ${shown(before)}`}. Esc leaves it.`, ({ x, y }) => {
    const name = before < 0 || frames[t]?.some((i) => d.name[i] === d.name[before]) ? "" : d.name[before];
    const z = view.brightest && before >= 0 ? d.z[before] : view.z;
    const lines = [`add ${quoted(`${name}@${t}`)} z=${z} y=${y.toFixed(2)} x=${x.toFixed(2)}${before < 0 ? "" : ` from #${before}`}`];
    const next = before < 0 ? null : children[before];
    if (next?.length === 1 && d.frame[next[0]] > t) lines.push(`relink #${next[0]} #${d.frame.length}`);
    edit(lines.join("; "), d.frame.length);
  });
}

function swap() {
  const c = cell();
  const sister = c.mother?.daughters.find((o) => o !== c);
  if (!sister) return say("It has no sister.", true);
  const named = c.name && sister.name;
  edit(named ? `swap ${quoted(c.name)} ${quoted(sister.name)}` : `rename #${c.rows[0]}- ${quoted(sister.name)}; rename #${sister.rows[0]}- ${quoted(c.name)}`);
}

const ACTS = {
  link: () => link(false),
  replace: () => link(true),
  cut: () => (d.parent[chosen] < 0 ? say("It is the first of its track already.", true) : edit(`split #${chosen}`)),
  add,
  move: () => askFor("Click where it is. Esc leaves it.", ({ x, y }) => {
    if (d.frame[chosen] !== view.t) return say("The chosen nucleus is in another frame.", true), false;
    const z = view.brightest ? d.z[chosen] : view.z;
    edit(`move #${chosen} z=${z} y=${y.toFixed(2)} x=${x.toFixed(2)}`);
  }),
  remove: () => edit(`remove #${chosen}`),
  rest: () => edit(`remove #${chosen}-`),
  swap,
  accept: () => edit(`accept #${chosen}`).then(() => go(0)),
};
const act = (name) => (chosen >= 0 || name === "add") && ACTS[name]();

for (const b of document.querySelectorAll("[data-act]")) b.addEventListener("click", () => act(b.dataset.act));
at("next").addEventListener("click", () => go(1));
at("earlier").addEventListener("click", () => go(-1));
at("naming").addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen >= 0) edit(`rename #${cell().rows[0]}- ${quoted(at("name").value.trim())}`);
  at("stage").focus({ preventScroll: true });
});
for (const name of ["undo", "redo"]) at(name).addEventListener("click", () => send(name));
at("brightest").addEventListener("change", () => {
  view.brightest = at("brightest").checked;
  at("z").disabled = view.brightest;
  showImage(true);
  draw();
});
for (const id of ["names", "tails"]) at(id).addEventListener("change", draw);

const KEYS = {
  n: () => step("t", view.t - 1),
  m: () => step("t", view.t + 1),
  a: () => act("add"),
  l: () => act("link"),
  L: () => act("replace"),
  d: () => act("remove"),
  D: () => act("rest"),
  " ": () => act("move"),
  x: () => act("cut"),
  s: () => act("swap"),
  r: () => chosen >= 0 && (at("name").focus(), at("name").select()),
  p: () => at("brightest").click(),
  ".": () => go(1),
  ",": () => go(-1),
  Enter: () => act("accept"),
  f: () => chosen >= 0 && choose(chosen, { go: true }),
  Escape: () => (waitingFor ? (leave(), say("")) : choose(-1)),
};
function key(event) {
  const { key: pressed } = event;
  if (event.ctrlKey || event.metaKey) {
    const name = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[pressed.toLowerCase()];
    if (!name) return false;
    if (!at(name).disabled) send(name);
  } else if (event.altKey || !KEYS[pressed]) return false;
  else KEYS[pressed]();
  event.preventDefault();
  event.stopPropagation();
  return true;
}
hooks.key = key;
document.addEventListener("keydown", (event) => {
  if (/^(INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY|A)$/.test(event.target.tagName) && !(event.ctrlKey && event.target.type !== "text")) return;
  if (event.target !== at("stage")) key(event);
});
at("tree").addEventListener("keydown", (event) => {
  if (chosen < 0) return;
  const c = cell();
  const sisters = c.mother?.daughters ?? drawnCells.filter((o) => !o.mother);
  const to = { ArrowUp: c.mother, ArrowDown: c.daughters[0], ArrowLeft: sisters[sisters.indexOf(c) - 1], ArrowRight: sisters[sisters.indexOf(c) + 1] };
  if (!(event.key in to)) return;
  event.preventDefault();
  if (to[event.key]) choose(to[event.key].rows[0], { go: true });
});

followers.push(() => d && show());
viewer.addHandler("update-viewport", draw);
addEventListener("resize", show);

async function load() {
  const answer = await fetch(`${address}/rows`);
  const said = await answer.json();
  if (!answer.ok) return say(said.problem, true);
  d = { ...said.rows };
  take({ ...said, at: [], rows: {} }, null);
  page.ariaBusy = "false";
}
load();
