// The lineage tree page: fit, zoom, find, walk, colour. Data come from the element #data.
// The two axes are scaled apart, so that the whole tree fills the window and words keep their size.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const el = (id) => document.getElementById(id);
  const box = el("tree"), about = el("about"), svg = box.querySelector("svg");
  const cells = [...svg.querySelectorAll("g.cell")];
  const node = (kind, parent) => parent.appendChild(document.createElementNS(svg.namespaceURI, kind));
  [...svg.children].forEach((c) => { if (!c.matches("g.cell, style, title")) c.remove(); });
  svg.removeAttribute("viewBox");
  const grid = node("path", svg), axis = node("g", svg);
  grid.setAttribute("class", "gr");
  svg.insertBefore(grid, cells[0] || axis);
  const words = cells.map((g) => { g.querySelectorAll("text").forEach((t) => t.remove()); return node("text", g); });
  words.forEach((t, i) => { t.textContent = data.name[i]; });
  const runs = cells.map((g) => [...g.querySelectorAll(".r")]);
  const below = data.mother.map(() => []);
  data.mother.forEach((m, i) => { if (m >= 0) below[m].push(i); });
  const leaves = below.map((b) => (b.length ? 0 : 1));
  for (let i = leaves.length - 1; i >= 0; i--) if (data.mother[i] >= 0) leaves[data.mother[i]] += leaves[i];

  const AXIS = data.down ? 46 : 26, EDGE = 14, LETTER = 6.4, READABLE = 13;
  const most = (values, from) => values.reduce((a, b) => Math.max(a, b), from);
  const low = -most(data.start.map((t) => -t), 0), high = most(data.end, low + 1e-9);
  const across = most(data.across, 0) + 1, longest = most(data.name.map((n) => n.length), 0);
  let leaf = 1, unit = 1, chosen = -1;

  const span = () => (data.down ? [box.clientHeight, box.clientWidth] : [box.clientWidth, box.clientHeight]);
  const fitting = () => Math.max(0.2, (span()[1] - AXIS - EDGE) / across);
  const timeAt = (t) => EDGE + (t - low) * unit;
  const leafAt = (a) => AXIS + (a + 0.5) * leaf;
  const point = (t, a) => (data.down ? `${a.toFixed(1)},${t.toFixed(1)}` : `${t.toFixed(1)},${a.toFixed(1)}`);
  const line = (t0, a0, t1, a1) => `M${point(t0, a0)}L${point(t1, a1)}`;

  function draw() {
    const tail = leaf >= READABLE - 2 ? LETTER * longest + 12 : EDGE;
    const long = Math.max(span()[0] - 2 - EDGE, 80) * Math.max(1, leaf / (READABLE + 1));
    unit = Math.max(long - tail, 40) / (high - low);
    const wide = AXIS + across * leaf + EDGE / 2;
    svg.setAttribute("width", data.down ? wide : long + EDGE);
    svg.setAttribute("height", data.down ? long + EDGE : wide);
    svg.style.setProperty("--line", Math.min(2.4, Math.max(0.9, leaf * 0.45)));
    cells.forEach((g, i) => {
      const a = leafAt(data.across[i]), end = timeAt(data.end[i]);
      let d = line(timeAt(data.start[i]), a, end, a);
      if (below[i].length) {
        const places = below[i].map((k) => leafAt(data.across[k]));
        d += line(end, Math.min(a, ...places), end, Math.max(a, ...places));
      }
      g.querySelector(".b").setAttribute("d", d);
      runs[i].forEach((r, k) => {
        const [from, to] = data.runs[i][k];
        r.setAttribute("d", line(timeAt(from), a, timeAt(to), a));
      });
      write(i);
    });
    drawAxis(wide);
  }

  // A leaf's name stands behind its end, a mother's above her branch, where there is room.
  function write(i) {
    const t = words[i], name = data.name[i], a = leafAt(data.across[i]);
    const start = timeAt(data.start[i]), end = timeAt(data.end[i]), length = name.length * LETTER;
    const last = !below[i].length, roomy = leaf >= READABLE - 2;
    const fits = last ? roomy : leaves[i] * leaf >= READABLE && end - start > length + 4;
    t.style.display = fits || i === chosen ? "" : "none";
    let along = last && roomy ? end + 4 : (start + end) / 2 - length / 2, aside = last && roomy ? 4 : -4;
    if (!fits) along = Math.max(2, Math.min(along, timeAt(high) - length));
    const turned = `translate(${(a - aside).toFixed(1)},${along.toFixed(1)}) rotate(90)`;
    t.setAttribute("transform", data.down ? turned : `translate(${along.toFixed(1)},${(a + aside).toFixed(1)})`);
  }

  function drawAxis(wide) {
    const least = (70 / unit), power = 10 ** Math.floor(Math.log10(least));
    const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= least);
    let d = "";
    axis.replaceChildren();
    const back = node("rect", axis);
    back.setAttribute("fill", "#fff");
    back.setAttribute("width", data.down ? AXIS - 6 : "100%");
    back.setAttribute("height", data.down ? "100%" : AXIS - 6);
    for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
      d += line(timeAt(tick), AXIS - 6, timeAt(tick), wide);
      const t = node("text", axis);
      t.textContent = String(Number(tick.toPrecision(6)));
      t.setAttribute("x", data.down ? AXIS - 10 : timeAt(tick));
      t.setAttribute("y", data.down ? timeAt(tick) + 4 : 15);
      t.setAttribute("text-anchor", data.down ? "end" : "middle");
    }
    grid.setAttribute("d", d);
    pin();
  }
  const pin = () => axis.setAttribute("transform", data.down ? `translate(${box.scrollLeft},0)` : `translate(0,${box.scrollTop})`);

  // Zoom about a point of the window, so that what lies there stays there.
  function zoomTo(next, x = box.clientWidth / 2, y = box.clientHeight / 2) {
    const [tx, ax] = data.down ? [box.scrollTop + y, box.scrollLeft + x] : [box.scrollLeft + x, box.scrollTop + y];
    const t = (tx - EDGE) / unit, a = (ax - AXIS) / leaf;
    leaf = Math.min(60, Math.max(Math.min(fitting(), READABLE), next));
    draw();
    const along = t * unit + EDGE, aside = a * leaf + AXIS;
    box.scrollLeft = (data.down ? aside : along) - x;
    box.scrollTop = (data.down ? along : aside) - y;
    pin();
  }
  function step(factor) {
    zoomTo(leaf * factor);
    if (chosen >= 0) show(chosen);
  }
  const whole = () => zoomTo(fitting(), 0, 0);
  function read() { zoomTo(READABLE, 0, 0); if (chosen >= 0) show(chosen); }

  // Bring a cell and its name into sight, if they are not.
  function show(i) {
    const frame = box.getBoundingClientRect(), [x, y] = data.down ? [AXIS, 0] : [0, AXIS];
    for (const part of [cells[i].querySelector(".b"), words[i]]) {
      const seen = part.getBoundingClientRect();
      if (seen.top < frame.top + y || seen.bottom > frame.top + box.clientHeight) box.scrollTop += (seen.top + seen.bottom - frame.top - frame.bottom) / 2;
      if (seen.left < frame.left + x || seen.right > frame.left + box.clientWidth) box.scrollLeft += (seen.left + seen.right - frame.left - frame.right) / 2;
    }
  }

  function choose(i, scroll = true) {
    const before = chosen;
    cells.forEach((c) => c.classList.remove("chosen", "kin"));
    chosen = i;
    svg.classList.toggle("faded", i >= 0);
    if (before >= 0) write(before);
    if (i < 0) { about.textContent = data.hint; return; }
    write(i);
    cells[i].classList.add("chosen");
    for (let m = i; m >= 0; m = data.mother[m]) cells[m].classList.add("kin");
    const stack = [i];
    while (stack.length) { const c = stack.pop(); cells[c].classList.add("kin"); stack.push(...below[c]); }
    const column = el("colour").value;
    const value = data.columns[column] ? data.columns[column].value[i] : undefined;
    about.textContent = data.note[i] + (value === undefined ? "" : ` · ${column} ${value === null ? "unknown" : value}`);
    if (scroll) show(i);
  }
  // Chosen by the reader, so that a page around this one may follow.
  function pick(i, scroll) { choose(i, scroll); linked.say({ chosen: { cell: i } }); }
  linked.hears.push(({ at }) => at && at.cell !== chosen && choose(at.cell < cells.length ? at.cell : -1));

  function mix(stops, share) {
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    const part = (s) => [1, 3, 5].map((k) => parseInt(s.slice(k, k + 2), 16));
    const a = part(stops[i]), b = part(stops[i + 1]);
    return `rgb(${a.map((v, k) => Math.round(v + (b[k] - v) * (at - i))).join(",")})`;
  }
  const first = cells.map((c) => c.querySelector(".b").getAttribute("stroke"));
  function colour(column) {
    const c = data.columns[column];
    svg.classList.toggle("plain", column !== "");
    svg.classList.toggle("bold", Boolean(c));
    cells.forEach((g, i) => {
      const branch = g.querySelector(".b");
      if (column === "") branch.setAttribute("stroke", first[i]);
      else if (column === "lineage") branch.setAttribute("stroke", data.founder[i]);
      else branch.setAttribute("stroke", c.value[i] === null ? data.unknown : mix(c.stops, (c.value[i] - c.low) / (c.high - c.low)));
    });
    const scale = el("scale"), key = c || (column === "" ? data.columns[data.drawn] : undefined);
    scale.style.display = key ? "inline-flex" : "none";
    el("legend").style.display = column === "lineage" ? "" : "none";
    if (key) {
      scale.querySelector("i").style.background = `linear-gradient(90deg, ${key.stops.join(",")})`;
      scale.querySelector("b").textContent = `≤ ${key.low}`;
      scale.querySelector("em").textContent = `≥ ${key.high}`;
    }
    if (chosen >= 0) choose(chosen, false);
  }

  el("in").onclick = () => step(1.4);
  el("out").onclick = () => step(1 / 1.4);
  el("read").onclick = read;
  el("all").onclick = whole;
  el("colour").onchange = (e) => colour(e.target.value);
  el("find").oninput = (e) => {
    const wanted = e.target.value.trim();
    pick(wanted ? data.name.indexOf(wanted) : -1);
    if (wanted && chosen < 0) about.textContent = `no cell is called ${wanted}`;
  };
  box.addEventListener("scroll", pin);
  box.addEventListener("wheel", (e) => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    const frame = box.getBoundingClientRect();
    zoomTo(leaf * Math.exp(-e.deltaY / 300), e.clientX - frame.left, e.clientY - frame.top);
  }, { passive: false });
  let drag = null;
  box.addEventListener("pointerdown", (e) => { drag = { x: e.clientX, y: e.clientY, l: box.scrollLeft, t: box.scrollTop, moved: false }; });
  box.addEventListener("pointermove", (e) => {
    if (!drag || !(e.buttons & 1)) return;
    if (Math.abs(e.clientX - drag.x) + Math.abs(e.clientY - drag.y) > 4) drag.moved = true;
    box.scrollLeft = drag.l - e.clientX + drag.x;
    box.scrollTop = drag.t - e.clientY + drag.y;
  });
  svg.addEventListener("click", (e) => {
    if (drag && drag.moved) return;
    const g = e.target.closest("g.cell");
    pick(g ? cells.indexOf(g) : -1, false);
    box.focus({ preventScroll: true });
  });
  box.addEventListener("keydown", (e) => {
    const keys = data.down
      ? { ArrowUp: "mother", ArrowDown: "daughter", ArrowLeft: "before", ArrowRight: "after" }
      : { ArrowLeft: "mother", ArrowRight: "daughter", ArrowUp: "before", ArrowDown: "after" };
    const turn = keys[e.key];
    if (e.key === "+") step(1.4);
    else if (e.key === "-") step(1 / 1.4);
    else if (e.key === "0") whole();
    else if (e.key === "Escape") pick(-1);
    else if (turn && chosen >= 0) {
      const m = data.mother[chosen];
      const sisters = data.mother.map((v, i) => (v === m ? i : -1)).filter((i) => i >= 0);
      const at = sisters.indexOf(chosen);
      const next = turn === "mother" ? m : turn === "daughter" ? below[chosen][0]
        : turn === "before" ? sisters[at - 1] : sisters[at + 1];
      if (next !== undefined && next >= 0) pick(next);
    } else if (turn) pick(0);
    else return;
    e.preventDefault();
  });
  let fitted = true;
  ["in", "out", "read"].forEach((id) => el(id).addEventListener("click", () => { fitted = false; }));
  box.addEventListener("wheel", (e) => { if (e.ctrlKey) fitted = false; });
  el("all").addEventListener("click", () => { fitted = true; });
  window.addEventListener("resize", () => (fitted ? whole() : draw()));
  colour(el("colour").value);
  choose(-1);
  whole();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) { el("find").value = wanted; choose(data.name.indexOf(wanted)); }
})();
