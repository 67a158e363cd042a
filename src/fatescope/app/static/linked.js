// Charts and trees of a result stand in frames of their own, as pages of reports do. They say what
// was chosen, and are told what the rest of the page shows.

const at = (id) => document.getElementById(id);
const look = at("look") ? await import("./viewer.js") : null;
const frames = [...document.querySelectorAll("iframe[data-linked]")];
const frameOf = (kind) => frames.find((frame) => frame.dataset.linked === kind);
const tell = (frame) => frame?.contentWindow.postMessage({ fatescope: { at: LINKS[frame.dataset.linked].shows() } }, "*");

// Counts over time: the line is the frame that is shown

let movie = look?.now.n;
function follow() {
  const frame = frameOf("counts");
  if (!frame) return;
  if (look.now.n !== movie) frame.src = `${frame.dataset.address}?n=${look.now.n}`;
  else tell(frame);
  movie = look.now.n;
}
look?.followers.push(follow);

// Objects in space: drawn when they are asked for, of the image and frame that are shown

const space = { shown: "", picked: 0 };
function showSpace() {
  const box = at("space");
  if (!box) return;
  box.hidden = !look.meta?.solid;
  if (box.hidden || !box.open) return;
  const frame = frameOf("solid"), query = `n=${look.now.n}&t=${look.now.t}`;
  if (space.shown !== query) frame.src = `${frame.dataset.address}?${query}`;
  else if (space.picked !== look.now.label) tell(frame);
  space.shown = query;
  space.picked = look.now.label;
}
look?.followers.push(showSpace);
at("space")?.addEventListener("toggle", showSpace);

// The tree of a lineage, its cells, and the rows of the cell that is chosen

const tree = { cell: -1, rows: [], asked: 0, ready: null };
const place = () => `${at("tree").dataset.job}/linked`;
const lineage = () => at("lineage").value;

function fill(box, { columns, rows }, choose) {
  const head = document.createElement("tr");
  for (const column of columns) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = column.replaceAll("_", " ");
    head.append(cell);
  }
  const lines = rows.map((row, i) => {
    const line = document.createElement("tr");
    for (const value of row) line.insertCell().textContent = value ?? "";
    if (choose) {
      line.tabIndex = 0;
      line.addEventListener("click", () => choose(i));
      line.addEventListener("keydown", (event) => {
        const to = { ArrowDown: i + 1, ArrowUp: i - 1 }[event.key];
        if (event.key === "Enter" || event.key === " ") choose(i);
        else if (to !== undefined) lines[to]?.focus();
        else return;
        event.preventDefault();
      });
    }
    return line;
  });
  box.querySelector("thead").replaceChildren(head);
  box.querySelector("tbody").replaceChildren(...lines);
}

async function open() {
  const mine = ++tree.asked;
  const said = await (await fetch(`${place()}/cells?n=${lineage()}`)).json();
  if (mine !== tree.asked) return;
  tree.rows = said.rows ?? [];
  at("n-cells").textContent = tree.rows.length;
  at("cells-said").textContent = said.said ?? "";
  fill(at("cells"), { columns: said.columns ?? [], rows: tree.rows }, (i) => choose(i, { scroll: false }));
  choose(-1);
}

// ``told``: the tree itself said so, and need not be told.
async function choose(cell, { told = false, scroll = true } = {}) {
  if (cell === tree.cell && told) return;
  tree.cell = cell;
  if (!told) tell(frameOf("tree"));
  const box = at("cells");
  [...box.querySelectorAll("tbody tr")].forEach((line, i) => {
    if (i !== cell) return line.removeAttribute("aria-current");
    line.setAttribute("aria-current", "true");
    if (scroll) box.scrollTop = line.offsetTop - box.clientHeight / 2;
  });
  at("cell").hidden = cell < 0;
  at("cell-said").textContent = "";
  if (cell < 0) return;
  const mine = ++tree.asked;
  const said = await (await fetch(`${place()}/rows?n=${lineage()}&cell=${cell}`)).json();
  if (mine !== tree.asked) return;
  at("cell-name").textContent = tree.rows[cell][0] ?? "a cell without a name";
  at("n-rows").textContent = said.rows.length;
  fill(at("cell-rows"), said);
}

// The wells of a plate: the one that is chosen shows its curves, and its images if they are there

const well = { chosen: at("well")?.value, of: (value) => value.split(" ") };
function chooseWell(value) {
  const option = [...(at("well")?.options ?? [])].find((o) => o.value === value);
  if (!option || value === well.chosen) return;
  at("well").value = well.chosen = value;
  const [plate, name] = well.of(value);
  const frame = frameOf("well");
  frame.src = `${frame.dataset.address}?${new URLSearchParams({ plate, well: name })}`;
  tell(frameOf("wells"));
  const first = look && [...at("image").options].find((o) => o.dataset.well === name);
  if (first && at("image").selectedOptions[0].dataset.well !== name) {
    at("image").value = first.value;
    at("image").dispatchEvent(new Event("change"));
  }
}
at("well")?.addEventListener("change", () => chooseWell(at("well").value));
look?.followers.push(() => {
  if (!at("well")) return;
  const shown = at("image").selectedOptions[0].dataset.well;
  if (shown && shown !== well.of(well.chosen)[1]) chooseWell([...at("well").options].find((o) => well.of(o.value)[1] === shown)?.value);
  tell(frameOf("well"));
});
const placeOfWell = () => {
  const [plate, name] = well.of(well.chosen);
  return { chart: +plate, y: name.replace(/\d+$/, ""), x: name.replace(/^\D+/, "") };
};

// A finding shows what it speaks of: its frame, or its cell

async function point(line) {
  const [file, frame, object] = [2, 3, 4].map((n) => line.cells[n].textContent.trim());
  const is = (key) => file === key || file.startsWith(`${key}.`) || file.endsWith(`/${key}`);
  if (at("tree")) {
    await tree.ready; // a finding may be clicked before the cells are there
    const option = [...at("lineage").options].find((o) => is(o.textContent));
    if (option && option.value !== lineage()) {
      at("lineage").value = option.value;
      await change();
    }
    const cell = tree.rows.findIndex((row) => row[0] && object.split("|").includes(row[0]));
    if (cell < 0) return;
    choose(cell);
    at("tree").scrollIntoView({ block: "start" });
  } else if (look && frame) {
    if (!look.meta || (at("image").length > 1 && !is(look.meta.image))) return;
    look.step("t", +frame);
    at("look").scrollIntoView({ block: "start" });
  }
}
for (const line of document.querySelectorAll("#findings tbody tr")) {
  line.addEventListener("click", (event) => event.target.closest("button") || point(line));
  line.addEventListener("keydown", (event) => event.key === "Enter" && event.target === line && point(line));
}

function change() {
  const frame = frameOf("tree");
  tree.cell = -1;
  frame.src = `${frame.dataset.address}?n=${lineage()}`;
  tree.ready = open();
  return tree.ready;
}

// Kind of frame: what it is to show, and what happens when something is chosen in it

const LINKS = {
  counts: { shows: () => ({ x: look.now.t }), chosen: ({ x }) => look.step("t", Math.round(+x)) },
  solid: { shows: () => ({ name: look.now.label ? String(look.now.label) : "" }), chosen: ({ name }) => look.choose(+name) },
  wells: { shows: placeOfWell, chosen: ({ chart, x, y }) => chooseWell(`${chart} ${y}${x}`) },
  well: { shows: () => (look ? { x: look.now.t } : { x: NaN }), chosen: ({ x }) => look?.step("t", Math.round(+x)) },
  tree: { shows: () => ({ cell: tree.cell }), chosen: ({ cell }) => choose(+cell, { told: true }) },
};

for (const frame of frames) {
  frame.addEventListener("load", () => tell(frame));
  tell(frame);
}
addEventListener("message", (event) => {
  const frame = frames.find((f) => f.contentWindow === event.source);
  const said = event.data?.fatescope;
  if (!frame || !said) return;
  const kind = frame.dataset.linked;
  if (said.height && kind !== "tree") frame.style.height = `${Math.min(4000, +said.height || 0) + 2}px`;
  if (said.chosen) LINKS[kind].chosen(said.chosen);
});
if (at("tree")) {
  at("lineage").addEventListener("change", change);
  tree.ready = open();
}
