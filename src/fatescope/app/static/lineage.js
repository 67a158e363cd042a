// A lineage edited cell by cell: rows in the order of the tree, edits as lines, findings beside them.

const at = (id) => document.getElementById(id);
const address = at("lineage").dataset.address;
let now = { revision: 0, cells: [], total: 0, undo: "", redo: "" };
let chosen = null; // the first row of the chosen cell
let spots = [];
let ofCell = new Map(); // findings by name
let nFound = null;
const RANK = { error: 0, warning: 1, info: 2 };
const SIGN = { error: "▲", warning: "△", info: "·" };

const quoted = (word) => (/^[\w@#:.,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
const named = (cell) => !cell.call.startsWith("#");
const shown = (cell) => cell.name || `#${cell.row}`;
const isRow = (text) => /^#\d+$/.test(text);
// One nucleus: of a cell by its name and frame, else by its row.
const spot = (cell, frame) => {
  if (named(cell)) return `${cell.call}@${frame}`;
  const found = spots.find((s) => s.frame === +frame);
  return found ? `#${found.row}` : `#none@${frame}`; // refused, with the reason
};
const other = (cell, frame) => (isRow(cell) || cell === "none" ? cell : `${cell}@${frame}`);

const part = (name, label, kind = "text", more = {}) => ({ name, label, kind, ...more });
const cellPart = (name, label, value) => part(name, label, "text", { list: "names", value });
const framePart = (name, label, value, more) => part(name, label, "number", { step: 1, value, ...more });
const place = (s) => ["z", "y", "x", "radius"].map((k) => part(k, k === "radius" ? "radius (px)" : `${k} (${k === "z" ? "planes" : "px"})`, "number", { value: s?.[k] ?? "", step: "any", optional: k === "radius" }));
const placed = (v) => ["z", "y", "x", "radius"].filter((k) => v[k] !== "").map((k) => `${k}=${v[k]}`).join(" ");
const mother = (c) => now.cells[c.mother];
const sister = (c) => now.cells.find((o) => o.mother === c.mother && o.row !== c.row && c.mother >= 0);

const ACTIONS = {
  rename: {
    title: "Rename it", about: "All of the cell, or from one frame on.",
    parts: (c) => [part("name", "New name"), framePart("from", "From frame", "", { optional: true, least: c.first, most: c.last })],
    line: (c, v) => `rename ${v.from === "" ? quoted(c.call) : named(c) ? quoted(`${c.call}@${v.from}-`) : `${spot(c, v.from)}-`} ${quoted(v.name)}`,
  },
  swap: {
    title: "Swap its name with another cell", about: "The two exchange names, and so does all that descends from them.",
    parts: (c) => [cellPart("other", "The other cell", sister(c)?.name ?? "")],
    line: (c, v) => `swap ${quoted(c.name)} ${quoted(v.other)}`, fits: named,
  },
  exchange: {
    title: "Exchange its track with another", about: "From that frame on, the two tracks change places: links and names.",
    parts: (c) => [cellPart("other", "The other cell", sister(c)?.name ?? ""), framePart("frame", "From frame", c.first, { least: c.first, most: c.last })],
    line: (c, v) => `exchange ${quoted(c.name)} ${quoted(v.other)} @${v.frame}`, fits: named,
  },
  relink: {
    title: "Link it to another mother", about: "Its first nucleus came from another one. A row is named as #417.",
    parts: (c) => [cellPart("other", "It came from", mother(c)?.name ?? ""), framePart("frame", "in frame", c.first - 1, { most: c.first - 1 })],
    line: (c, v) => `relink ${quoted(spot(c, c.first))} ${quoted(other(v.other, v.frame))}`,
  },
  unlink: {
    title: "Unlink it from its mother", about: "It came from nowhere that is known.", parts: () => [],
    line: (c) => `relink ${quoted(spot(c, c.first))} none`, fits: (c) => c.mother >= 0,
  },
  split: {
    title: "Cut it in two", about: "The track is cut before that frame; what follows is a track of its own.",
    parts: (c) => [framePart("frame", "Before frame", Math.min(c.first + 1, c.last), { least: c.first + 1, most: c.last })],
    line: (c, v) => `split ${quoted(spot(c, v.frame))}`, fits: (c) => c.last > c.first,
  },
  join: {
    title: "Join another track to its end", about: "The other track continues it. If one follows already, it becomes a daughter: a division is added.",
    parts: () => [cellPart("other", "The track that follows", ""), framePart("frame", "that begins in frame", "")],
    line: (c, v) => `join ${quoted(spot(c, c.last))} ${quoted(other(v.other, v.frame))}`,
  },
  move: {
    title: "Move it in one frame", about: "Another place for one nucleus, in planes and pixels from 0.",
    parts: (c) => [framePart("frame", "Frame", spots[0]?.frame ?? c.first, { least: c.first, most: c.last }), ...place(spots[0])],
    line: (c, v) => `move ${quoted(spot(c, v.frame))} ${placed(v)}`,
  },
  add: {
    title: "Add a nucleus that was missed", about: "It is linked to the last nucleus of this cell before it.",
    parts: (c) => [part("name", "Its name", "text", { value: c.name }), framePart("frame", "Frame", c.last + 1, {}), ...place(spots[spots.length - 1])],
    line: (c, v) => {
      const before = spots.filter((s) => s.frame < +v.frame).pop();
      return `add ${quoted(`${v.name}@${v.frame}`)} ${placed(v)}${before ? ` from ${quoted(spot(c, before.frame))}` : ""}`;
    },
  },
  remove: {
    title: "Remove it", about: "Nuclei that are none; what was linked to them is linked across the gap.",
    parts: (c) => [framePart("from", "From frame", "", { optional: true, least: c.first, most: c.last }), ...(named(c) ? [framePart("to", "to frame", "", { optional: true, least: c.first, most: c.last })] : [])],
    line: (c, v) => {
      if (!named(c)) return `remove ${v.from === "" ? c.call : `${spot(c, v.from)}-`}`;
      const frames = v.from === "" && v.to === "" ? "" : v.to === "" ? `@${v.from}-` : `@${v.from === "" ? c.first : v.from}-${v.to}`;
      return `remove ${quoted(c.call + frames)}`;
    },
  },
};

const element = (tag, words, attributes = {}) => {
  const made = document.createElement(tag);
  if (words !== undefined) made.textContent = words;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const cellOf = (row) => now.cells.find((c) => c.row === row);

function say(words, problem = false) {
  at("said").textContent = words;
  at("said").classList.toggle("problem", problem);
}

// The cells, mothers above daughters

function life(cell, first, last) {
  const make = (name, values) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(values)) made.setAttribute(k, v);
    return made;
  };
  const span = Math.max(1, last - first + 1);
  const svg = make("svg", { viewBox: `0 0 ${span} 10`, preserveAspectRatio: "none", class: "life", "aria-hidden": "true" });
  svg.append(make("rect", { x: cell.first - first, y: 1, width: cell.last - cell.first + 1, height: 8 }));
  return svg;
}

const found = (cell) => ofCell.get(cell.name || `#${cell.row}`) ?? [];

function draw() {
  const first = Math.min(...now.cells.map((c) => c.first));
  const last = Math.max(...now.cells.map((c) => c.last));
  const wanted = at("find").value.trim().toLowerCase();
  const doubtful = at("which").value === "doubtful";
  const listed = now.cells.filter(
    (c) => (!wanted || shown(c).toLowerCase().startsWith(wanted)) && (!doubtful || found(c).length),
  );
  const lines = listed.map((c) => {
    const line = element("tr", undefined, { tabindex: "-1", "data-row": c.row, "data-name": c.name });
    const name = element("th", undefined, { scope: "row" });
    const inner = element("span", shown(c));
    inner.style.paddingInlineStart = `${Math.min(c.depth, 12) * 0.6}rem`;
    name.append(inner);
    const ends = c.daughters >= 2 ? "divides" : c.daughters === 1 ? "goes on" : c.last === last ? "last frame" : "ends";
    const bar = element("td");
    bar.append(life(c, first, last));
    const what = found(c);
    const worst = what.length ? SIGN[what[0].severity] : "";
    line.append(name, element("td", c.first === c.last ? c.first : `${c.first}–${c.last}`), bar, element("td", ends), element("td", what.length ? `${worst} ${what.length}` : ""));
    return line;
  });
  const focused = document.activeElement?.closest?.("#cells tbody tr")?.dataset.row;
  at("cells").tBodies[0].replaceChildren(...lines);
  if (focused) lines.find((l) => l.dataset.row === focused)?.focus();
  at("n-cells").textContent = listed.length === now.total ? now.total : `${listed.length} of ${now.total}`;
  mark();
}

function mark() {
  const lines = [...at("cells").tBodies[0].rows];
  const line = lines.find((l) => +l.dataset.row === chosen);
  for (const l of lines) {
    l.tabIndex = l === (line ?? lines[0]) ? 0 : -1;
    l === line ? l.setAttribute("aria-current", "true") : l.removeAttribute("aria-current");
  }
  return line;
}

function jump(name) {
  const cell = now.cells.find((c) => shown(c) === name);
  if (!cell) return;
  at("find").value = "";
  at("which").value = "all";
  draw();
  choose(cell.row, true);
}

async function choose(row, focus = false) {
  chosen = row;
  const cell = cellOf(row);
  at("edit").hidden = at("spots-fold").hidden = !cell;
  at("edit").ariaBusy = "true";
  const line = mark();
  if (!cell) {
    at("h-cell").textContent = "No cell is chosen";
    at("about-cell").textContent = "Click a row, or move to it with the arrow keys and press Enter.";
    at("of-cell").replaceChildren();
    return;
  }
  line?.scrollIntoView({ block: "nearest" });
  const answer = await fetch(`${address}/cell?row=${row}`);
  if (chosen !== row) return; // another was chosen in between
  spots = answer.ok ? await answer.json() : [];
  tell(cell);
  options(cell);
  at("edit").ariaBusy = "false";
  if (focus) at("h-cell").focus();
}

function tell(cell) {
  at("h-cell").textContent = cell.name || `Track of row ${cell.row}`;
  const link = (c) => {
    const button = element("button", shown(c), { type: "button", class: "plain" });
    button.addEventListener("click", () => choose(c.row, true));
    return button;
  };
  const k = now.cells.indexOf(cell);
  const below = now.cells.filter((c) => c.mother === k);
  const words = [`Frames ${cell.first} to ${cell.last}${spots.length < cell.last - cell.first + 1 ? `, ${spots.length} of them with a nucleus` : ""}. `];
  if (mother(cell)) words.push("Came from ", link(mother(cell)), ". ");
  else words.push("Came from no cell that is known. ");
  if (below.length) words.push("Becomes ", ...below.flatMap((c, n) => [n ? " and " : "", link(c)]), ".");
  at("about-cell").replaceChildren(...words);
  at("of-cell").replaceChildren(...found(cell).map((f) => finding(f)));
  at("spots").tBodies[0].replaceChildren(
    ...spots.map((s) => {
      const line = element("tr");
      line.append(...[s.frame, s.z, s.y, s.x, s.radius].map((v) => element("td", v === null ? "" : +(+v).toFixed(2))));
      return line;
    }),
  );
}

function finding(f, cells = []) {
  const item = element("li");
  item.append(element("b", `${SIGN[f.severity]} ${f.rule} (${f.severity}${f.frame === null ? "" : `, frame ${f.frame}`}): `), f.reason);
  for (const name of cells) {
    const button = element("button", `Go to ${name}`, { type: "button", class: "plain" });
    button.addEventListener("click", () => jump(name));
    item.append(" ", button);
  }
  return item;
}

// What is to be done

function options(cell) {
  const before = at("what").value;
  const fitting = Object.entries(ACTIONS).filter(([, a]) => !a.fits || a.fits(cell));
  at("what").replaceChildren(...fitting.map(([name, a]) => new Option(a.title, name)));
  if (fitting.some(([name]) => name === before)) at("what").value = before;
  fields(cell);
}

function fields(cell) {
  const action = ACTIONS[at("what").value];
  at("about-what").textContent = action.about;
  at("parts").replaceChildren(
    ...action.parts(cell).map((p) => {
      const box = element("div", undefined, { class: "field" });
      const label = element("label", p.label, { for: `p-${p.name}` });
      if (p.optional) label.append(" ", element("span", "(optional)", { class: "unit" }));
      const input = element("input", undefined, { id: `p-${p.name}`, type: p.kind, autocomplete: "off", "data-part": p.name });
      if (p.list) input.setAttribute("list", p.list);
      for (const [from, to] of [["step", "step"], ["least", "min"], ["most", "max"]]) if (p[from] !== undefined) input.setAttribute(to, p[from]);
      if (!p.optional) input.required = true;
      input.value = p.value ?? "";
      box.append(label, input);
      return box;
    }),
  );
  write();
}

function write(event) {
  const cell = cellOf(chosen);
  if (!cell) return;
  const values = Object.fromEntries([...at("parts").querySelectorAll("input")].map((i) => [i.dataset.part, i.value.trim()]));
  if (at("what").value === "move" && event?.target.dataset.part === "frame") {
    const there = spots.find((s) => s.frame === +values.frame);
    for (const k of ["z", "y", "x", "radius"]) at(`p-${k}`).value = values[k] = there?.[k] ?? "";
  }
  at("line").value = ACTIONS[at("what").value].line(cell, values);
}

// Edits follow one another, in the order in which they were made.
let waiting = Promise.resolve();
function send(what, form = {}) {
  say("Saving …");
  waiting = waiting.then(async () => {
    let said;
    try {
      const answer = await fetch(`${address}/edits/${what}`, { method: "POST", body: new URLSearchParams({ seen: now.revision, ...form }) });
      said = await answer.json();
      if (!answer.ok) {
        if (answer.status === 409) await load();
        return say(said.problem, true);
      }
    } catch {
      return say("The app does not answer. Start it again; every edit that was shown is kept.", true);
    }
    const words = what === "do" ? said.undo : what === "undo" ? `took back: ${said.redo}` : `again: ${said.undo}`;
    const name = cellOf(chosen)?.name;
    take(said);
    const same = cellOf(chosen) ?? now.cells.find((c) => name && c.name === name);
    await choose(same ? same.row : null);
    at("why").value = "";
    say(`Saved: ${words}.`);
    check();
  });
  return waiting;
}

function take(said) {
  now = said;
  for (const name of ["undo", "redo"]) {
    at(name).disabled = !said[name];
    at(name).title = said[name] ? `${name === "undo" ? "Take back" : "Do again"}: ${said[name]}` : "";
  }
  at("names").replaceChildren(...[...new Set(said.cells.map(shown))].map((n) => new Option(n, n)));
  if (at("history").open) steps();
  draw();
}

// A check takes seconds; of several that are asked for, the last counts.
let checking = 0;
async function check() {
  const mine = ++checking;
  at("checked").textContent = "Being checked …";
  const answer = await fetch(`${address}/check`);
  const said = await answer.json();
  if (mine !== checking) return;
  if (!answer.ok) return void (at("checked").textContent = said.problem);
  at("lost").hidden = !said.lost;
  at("lost").querySelector("span").textContent = said.lost;
  const names = new Set(now.cells.map(shown));
  ofCell = new Map();
  const ofAll = [];
  for (const f of said.findings.sort((a, b) => RANK[a.severity] - RANK[b.severity])) {
    const known = f.cells.filter((name) => names.has(name));
    for (const name of known) ofCell.set(name, [...(ofCell.get(name) ?? []), f]);
    ofAll.push(finding(f, known));
  }
  const n = said.findings.length;
  const change = nFound === null || n === nFound ? "" : n < nFound ? ` ${nFound - n} fewer than before.` : ` ${n - nFound} more than before.`;
  at("checked").textContent = `Checked as it is now: ${n || "no"} finding${n === 1 ? "" : "s"}.${change}`;
  nFound = n;
  at("all-found").hidden = !n;
  at("of-all").replaceChildren(...ofAll);
  draw();
  const cell = cellOf(chosen);
  if (cell) at("of-cell").replaceChildren(...found(cell).map((f) => finding(f)));
}

async function steps() {
  const entries = await (await fetch(`${address}/history`)).json();
  at("steps").replaceChildren(
    ...entries.reverse().map((e) => element("li", `${e.kind === "do" ? "" : `${e.kind} `}${e.action}${e.why ? ` (${e.why})` : ""} · ${e.who}, ${e.time.replace("T", " ").replace("Z", "")}${e.holds ? "" : " · does not hold"}`)),
  );
}

async function load() {
  say("The lineage is being read …");
  const answer = await fetch(`${address}/cells`);
  const said = await answer.json();
  if (!answer.ok) return say(said.problem, true);
  say("");
  take(said);
  await choose(cellOf(chosen) ? chosen : null);
  check();
}

at("cells").addEventListener("click", (event) => {
  const line = event.target.closest("tbody tr");
  if (line) choose(+line.dataset.row);
});
at("cells").addEventListener("keydown", (event) => {
  const line = event.target.closest("tbody tr");
  if (!line || event.ctrlKey || event.metaKey || event.altKey) return;
  const to = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling, Home: line.parentElement.firstElementChild, End: line.parentElement.lastElementChild }[event.key];
  if (to) to.focus();
  else if (event.key === "Enter" || event.key === " ") choose(+line.dataset.row, true);
  else return;
  event.preventDefault();
});
at("find").addEventListener("input", draw);
at("which").addEventListener("change", draw);
at("what").addEventListener("change", () => fields(cellOf(chosen)));
at("parts").addEventListener("input", write);
at("edit").addEventListener("submit", (event) => {
  event.preventDefault();
  send("do", { line: at("line").value, why: at("why").value });
});
for (const name of ["undo", "redo"]) at(name).addEventListener("click", () => send(name));
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
  const key = event.key.toLowerCase();
  if (key !== "z" && key !== "y") return;
  event.preventDefault();
  const name = key === "y" || event.shiftKey ? "redo" : "undo";
  if (!at(name).disabled) send(name);
});
at("history").addEventListener("toggle", () => at("history").open && steps());
load();
