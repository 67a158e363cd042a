// Charts: the marks are drawn already; this stretches them to the width of the page, writes ticks
// again while the reader zooms, hides marks by their name, and reads off the numbers of the CSV link.
// Linked with an outer page, a click or a key chooses a place, and a line or frame shows what it chose.
for (const [number, figure] of document.querySelectorAll(".plotted").entries()) {
  const paper = figure.querySelector(".paper"), svg = paper.querySelector("svg");
  const plot = svg.querySelector(".plot"), axes = svg.querySelector(".axes"), written = svg.querySelector(".written");
  const given = JSON.parse(figure.dataset.axes), whole = plot.getAttribute("viewBox").split(" ").map(Number);
  const [, , W, H] = whole, titles = [...axes.querySelectorAll(".axis")];
  const labels = [...written.querySelectorAll("text")].map((node) => [node, node.dataset.at.split(" ").map(Number)]);
  const hidden = new Set(), reads = figure.querySelector(".reads");
  const height = H, isMap = plot.querySelector("image") !== null;
  let box = [...whole], w = W, h = H, at = -1, now = null, start = -1; // keys go on from where the outer page is

  const base = { log2: 2, log10: 10 };
  const exponent = (axis, v) => (base[axis.scale] ? Math.log(v) / Math.log(base[axis.scale]) : Number(v));
  const share = (axis, v) => (exponent(axis, v) - axis.ends[0]) / (axis.ends[1] - axis.ends[0]);
  const write = (v) => {
    const text = Math.abs(v) >= 1000 || Number.isInteger(v) ? String(Math.round(v)) : String(+v.toPrecision(4));
    return text.replace(/\B(?=(\d{3})+(?!\d))/g, (_, d, i) => (text.slice(0, i).includes(".") ? "" : "\u202f")).replace("-", "−");
  };

  // Ticks between two shares of an axis: share and words.
  function ticks(axis, from, to, n) {
    const [a, b] = axis.ends, value = (s) => a + s * (b - a), low = Math.min(value(from), value(to)), high = Math.max(value(from), value(to));
    if (axis.labels.length) {
      const all = axis.labels.map((words, i) => [share(axis, i), words]).filter(([s]) => s >= from && s <= to);
      return all.filter((_, i) => i % Math.max(1, Math.ceil(all.length / n)) === 0);
    }
    const rough = (high - low) / Math.min(n, 7), power = 10 ** Math.floor(Math.log10(rough));
    let step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
    if (base[axis.scale]) step = Math.max(1, Math.round(step));
    const out = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
      const v = +(i * step).toPrecision(12);
      out.push([(v - a) / (b - a), write(base[axis.scale] ? base[axis.scale] ** v : v)]);
    }
    return out;
  }

  const px = (x) => given.left + ((x - box[0]) / box[2]) * w;
  const py = (y) => given.top + ((y - box[1]) / box[3]) * h;

  function draw() {
    const wide = Math.min(paper.clientWidth, 900);
    w = Math.max(wide - given.left - given.right, 60);
    h = given.proportion === "equal" ? (w * H) / W : wide < 420 && !given.y.labels.length ? 0.8 * height : height;
    const low = given.top + h, all = low + given.bottom;
    svg.removeAttribute("viewBox");
    for (const [name, value] of [["width", wide], ["height", all]]) svg.setAttribute(name, value);
    for (const [name, value] of [["width", w], ["height", h], ["viewBox", box.join(" ")]]) plot.setAttribute(name, value);
    plot.setAttribute("overflow", box[2] < W || box[3] < H ? "hidden" : "visible");
    axes.replaceChildren();
    const upright = given.bottom > 50;
    for (const [s, words] of ticks(given.y, 1 - (box[1] + box[3]) / H, 1 - box[1] / H, h / (given.y.labels.length ? 13 : 45))) {
      const y = py((1 - s) * H);
      if (!isMap) make("path", { class: "grid", d: `M${given.left},${y}h${w}` }, axes);
      make("text", { x: given.left - 8, y: y + 4, "text-anchor": "end" }, axes).textContent = words;
    }
    for (const [s, words] of ticks(given.x, box[0] / W, (box[0] + box[2]) / W, w / (upright ? 14 : given.x.labels.length ? 50 : 75))) {
      const x = px(s * W);
      make("path", { class: "tick", d: `M${x},${low}v5` }, axes);
      const place = upright ? { transform: `translate(${x + 4} ${low + 8}) rotate(-90)`, "text-anchor": "end" } : { x, y: low + 19, "text-anchor": "middle" };
      make("text", place, axes).textContent = words;
    }
    make("path", { class: "base", d: `M${given.left},${low}h${w}` }, axes);
    axes.append(...titles);
    titles[0].setAttribute("x", given.left + w / 2);
    titles[0].setAttribute("y", all - 8);
    titles[1].setAttribute("transform", `translate(14 ${given.top + h / 2}) rotate(-90)`);
    place();
    show();
    mark();
  }

  // Words keep their distance from their point; those that would lie over others are left out.
  function place() {
    written.querySelectorAll(".leader").forEach((n) => n.remove());
    const taken = [];
    for (const [node, [x, y, dx, dy]] of labels) {
      const a = px(x), b = py(y), isGuide = node.classList.contains("guide");
      node.setAttribute("x", a + dx);
      node.setAttribute("y", b + dy);
      const inside = a >= given.left - 1 && a <= given.left + w + 1 && b >= given.top - 1 && b <= given.top + h + 1;
      node.removeAttribute("display");
      const wide = node.getComputedTextLength(), left = node.getAttribute("text-anchor") === "end" ? a + dx - wide : a + dx;
      const area = [left, b + dy - 9, left + wide, b + dy + 2];
      const free = isGuide || !taken.some((t) => area[0] < t[2] && t[0] < area[2] && area[1] < t[3] && t[1] < area[3]);
      if (!inside || !free) node.setAttribute("display", "none"); else taken.push(area);
    }
  }

  // The numbers, from the link that saves them.
  const fields = figure.dataset.fields.split(" ");
  const csv = decodeURIComponent(figure.querySelector(".csv").href.split(",").slice(1).join(","));
  const [header, ...rows] = csv.trim().split("\n").map((line) =>
    [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map((m) => (m[1] ?? m[2]).replaceAll('""', '"')));
  const placeOf = (axis, text) => share(axis, axis.labels.includes(text) ? axis.labels.indexOf(text) : text);
  const points = rows.map((row) => Object.fromEntries(fields.map((f, i) => [f, row[i]]))).map((row) => ({
    row, name: row.name,
    x: row.x === undefined || row.x === "" ? NaN : placeOf(given.x, row.x) * W,
    y: row.y ? (1 - placeOf(given.y, row.y)) * H : row.low && row.high ? (1 - (share(given.y, row.low) + share(given.y, row.high)) / 2) * H : H,
  })).filter((p) => Number.isFinite(p.x) && Number.isFinite(p.y));
  const seen = (p) => !hidden.has(p.name) && p.x >= box[0] - 1 && p.x <= box[0] + box[2] + 1 && p.y >= box[1] - 1 && p.y <= box[1] + box[3] + 1;
  function show() {
    svg.querySelector(".cursor")?.remove();
    const p = points[at];
    if (!p || !seen(p)) { reads.textContent = ""; return; }
    make("circle", { class: "cursor", cx: px(p.x), cy: py(p.y), r: 6 }, svg);
    reads.textContent = fields.map((f, i) => {
      const v = p.row[f];
      if (!v) return "";
      if (f === "words" || f === "name") return v;
      return header[i] + " " + (v !== "" && !isNaN(v) ? write(Number(v)) : v);
    }).filter((t, i, all) => t && all.indexOf(t) === i).join(" · ");
  }

  // What the outer page shows: a line at a value of x, or the frame of one tile of a map.
  function mark() {
    svg.querySelector(".now")?.remove();
    if (!now) return;
    const x = placeOf(given.x, now.x);
    if (!isMap) {
      if (x * W >= box[0] - 1 && x * W <= box[0] + box[2] + 1) make("path", { class: "now", d: `M${px(x * W)},${given.top}v${h}` }, svg);
      return;
    }
    const [wide, tall] = [w / given.x.labels.length, h / given.y.labels.length];
    const y = 1 - placeOf(given.y, now.y);
    if (box[2] === W && Number.isFinite(x + y)) make("rect", { class: "now", x: px(x * W) - wide / 2, y: py(y * H) - tall / 2, width: wide, height: tall }, svg);
  }
  const choose = (p) => p && linked.say({ chosen: { ...Object.fromEntries(fields.map((f) => [f, p.row[f]])), chart: number } });
  function nearest([x, y]) {
    const far = (p) => (px(p.x) - px(x)) ** 2 + (isMap ? (py(p.y) - py(y)) ** 2 : 0);
    return points.filter(seen).reduce((best, p) => (best && far(best) <= far(p) ? best : p), null);
  }
  linked.hears.push((told) => {
    if (!("at" in told)) return;
    now = (told.at.chart ?? number) === number ? told.at : null;
    const same = (p) => ["x", "y"].every((side) => !(side in now) || String(p.row[side]) === String(now[side]));
    if (now) start = points.findIndex(same);
    paper.classList.add("linked");
    mark();
  });

  function look(next) {
    const width = Math.min(W, Math.max(next[2], W / 400)), tall = Math.min(H, Math.max(next[3], H / 400));
    box = [Math.min(Math.max(0, next[0]), W - width), Math.min(Math.max(0, next[1]), H - tall), width, tall];
    draw();
  }
  const zoom = (factor, x = box[0] + box[2] / 2, y = box[1] + box[3] / 2) =>
    look([x - (x - box[0]) / factor, y - (y - box[1]) / factor, box[2] / factor, box[3] / factor]);
  const inPlot = (e) => {
    const r = svg.getBoundingClientRect();
    return [box[0] + ((e.clientX - r.left - given.left) / w) * box[2], box[1] + ((e.clientY - r.top - given.top) / h) * box[3]];
  };

  let held = null, brush = null;
  const corner = (e) => { const r = paper.getBoundingClientRect(); return [e.clientX - r.left, e.clientY - r.top]; };
  paper.addEventListener("pointerdown", (e) => { if (e.button === 0) held = [inPlot(e), corner(e)]; });
  paper.addEventListener("pointermove", (e) => {
    const [x, y] = inPlot(e);
    if (!held) {
      let best = isMap ? Infinity : 30 ** 2;
      at = -1;
      points.forEach((p, i) => {
        const d = (px(p.x) - px(x)) ** 2 + (py(p.y) - py(y)) ** 2;
        if (d < best && seen(p)) { best = d; at = i; }
      });
      show();
      return;
    }
    const [a, b] = held[1], [c, d] = corner(e);
    if (!brush && Math.hypot(a - c, b - d) < 6) return;
    if (!brush) {
      brush = document.createElement("div");
      brush.className = "brush";
      paper.append(brush);
      paper.setPointerCapture(e.pointerId);
    }
    brush.style.cssText = `left:${Math.min(a, c)}px;top:${Math.min(b, d)}px;width:${Math.abs(a - c)}px;height:${Math.abs(b - d)}px`;
  });
  addEventListener("pointerup", (e) => {
    if (held && brush) {
      const [a, b] = held[0], [c, d] = inPlot(e);
      // A flat stroke chooses a stretch along x and leaves y as it is.
      const isFlat = Math.abs(b - d) < box[3] / 12, unit = given.proportion === "equal";
      const tall = unit ? (Math.abs(a - c) * H) / W : Math.abs(b - d);
      look(isFlat && !unit ? [Math.min(a, c), box[1], Math.abs(a - c), box[3]] : [Math.min(a, c), Math.min(b, d), Math.abs(a - c), tall]);
    }
    if (held && !brush) choose(nearest(held[0]));
    brush?.remove();
    held = brush = null;
  });
  addEventListener("pointercancel", () => { brush?.remove(); held = brush = null; });
  paper.addEventListener("blur", () => { at = -1; show(); });
  paper.addEventListener("pointerleave", () => { if (!held) { at = -1; show(); } });
  paper.addEventListener("dblclick", () => look([...whole]));
  paper.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    zoom(Math.exp(-e.deltaY / 250), ...inPlot(e));
  }, { passive: false });
  paper.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const side = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    const keys = { "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": () => look([...whole]) };
    if (side && e.shiftKey) look([box[0] + (side[0] * box[2]) / 10, box[1] + (side[1] * box[3]) / 10, box[2], box[3]]);
    else if (side) {
      const by = side[0] || side[1];
      if (at < 0) at = start;
      for (let k = 1; k <= points.length; k++) {
        const i = (at + by * k + points.length * 2) % points.length;
        if (seen(points[i])) { at = i; break; }
      }
      show();
      choose(points[at]);
    } else if (keys[e.key]) keys[e.key]();
    else return;
    e.preventDefault();
  });
  figure.querySelector(".in").addEventListener("click", () => zoom(1.5));
  figure.querySelector(".out").addEventListener("click", () => zoom(1 / 1.5));
  figure.querySelector(".fit").addEventListener("click", () => look([...whole]));
  for (const button of figure.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const name = button.dataset.name, off = pressed(button);
      button.setAttribute("aria-pressed", String(!off));
      off ? hidden.add(name) : hidden.delete(name);
      for (const mark of plot.children) if (mark.dataset.name === name) mark.style.display = off ? "none" : "";
      show();
    });
  }
  figure.querySelector(".buttons").hidden = false;
  new ResizeObserver(draw).observe(paper);
  draw();
}
