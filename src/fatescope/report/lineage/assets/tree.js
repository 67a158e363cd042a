// The lineage tree page: zoom, find, walk, colour. Data come from the element #data.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const box = document.getElementById("tree");
  const svg = box.querySelector("svg");
  const cells = [...svg.querySelectorAll("g.cell")];
  const about = document.getElementById("about");
  const below = data.mother.map(() => []);
  data.mother.forEach((m, i) => { if (m >= 0) below[m].push(i); });
  const width = svg.width.baseVal.value, height = svg.height.baseVal.value;
  let zoom = 1, chosen = -1;

  function setZoom(next, x = box.clientWidth / 2, y = box.clientHeight / 2) {
    next = Math.min(8, Math.max(0.05, next));
    const fx = (box.scrollLeft + x) / zoom, fy = (box.scrollTop + y) / zoom;
    zoom = next;
    svg.setAttribute("width", width * zoom);
    svg.setAttribute("height", height * zoom);
    box.scrollLeft = fx * zoom - x;
    box.scrollTop = fy * zoom - y;
  }
  const fitWidth = () => setZoom((box.clientWidth - 18) / width, 0, 0);
  const fitAll = () => setZoom(Math.min((box.clientWidth - 4) / width, (box.clientHeight - 4) / height), 0, 0);

  function choose(i, scroll = true) {
    cells.forEach((c) => c.classList.remove("chosen", "kin"));
    chosen = i;
    svg.classList.toggle("faded", i >= 0);
    if (i < 0) { about.textContent = data.hint; return; }
    cells[i].classList.add("chosen");
    for (let m = i; m >= 0; m = data.mother[m]) cells[m].classList.add("kin");
    const stack = [i];
    while (stack.length) { const c = stack.pop(); cells[c].classList.add("kin"); stack.push(...below[c]); }
    let words = data.note[i];
    const column = document.getElementById("colour").value;
    if (data.columns[column]) {
      const v = data.columns[column].value[i];
      words += ` · ${column} ${v === null ? "unknown" : v}`;
    }
    about.textContent = words;
    if (scroll) {
      const seen = cells[i].getBoundingClientRect(), frame = box.getBoundingClientRect();
      if (seen.top < frame.top || seen.bottom > frame.bottom || seen.right > frame.right || seen.left < frame.left) {
        box.scrollTop += (seen.top + seen.bottom - frame.top - frame.bottom) / 2;
        box.scrollLeft += (seen.left + seen.right - frame.left - frame.right) / 2;
      }
    }
  }

  function mix(stops, share) {
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1), i = Math.min(Math.floor(at), stops.length - 2);
    const part = (s) => [1, 3, 5].map((k) => parseInt(s.slice(k, k + 2), 16));
    const a = part(stops[i]), b = part(stops[i + 1]);
    return `rgb(${a.map((v, k) => Math.round(v + (b[k] - v) * (at - i))).join(",")})`;
  }
  const first = cells.map((c) => c.querySelector(".b").getAttribute("stroke"));
  function colour(column) {
    const c = data.columns[column];
    cells.forEach((g, i) => {
      const branch = g.querySelector(".b");
      g.querySelectorAll(".r").forEach((r) => { r.style.display = column === "" ? "" : "none"; });
      if (column === "") branch.setAttribute("stroke", first[i]);
      else if (column === "founder") branch.setAttribute("stroke", data.founder[i]);
      else branch.setAttribute("stroke", c.value[i] === null ? data.unknown : mix(c.stops, (c.value[i] - c.low) / (c.high - c.low)));
      branch.setAttribute("stroke-width", c ? 4 : 2.2);
    });
    const scale = document.getElementById("scale");
    scale.style.display = c ? "inline-flex" : "none";
    if (c) {
      scale.querySelector("i").style.background = `linear-gradient(90deg, ${c.stops.join(",")})`;
      scale.querySelector("b").textContent = `≤ ${c.low}`;
      scale.querySelector("em").textContent = `≥ ${c.high}`;
    }
    if (chosen >= 0) choose(chosen, false);
  }

  document.getElementById("in").onclick = () => setZoom(zoom * 1.4);
  document.getElementById("out").onclick = () => setZoom(zoom / 1.4);
  document.getElementById("width").onclick = fitWidth;
  document.getElementById("all").onclick = fitAll;
  document.getElementById("colour").onchange = (e) => colour(e.target.value);
  document.getElementById("find").oninput = (e) => {
    const wanted = e.target.value.trim();
    choose(wanted ? data.name.indexOf(wanted) : -1);
    if (wanted && chosen < 0) about.textContent = `no cell is called ${wanted}`;
  };
  box.addEventListener("wheel", (e) => {
    if (!e.ctrlKey) return;
    e.preventDefault();
    const frame = box.getBoundingClientRect();
    setZoom(zoom * Math.exp(-e.deltaY / 300), e.clientX - frame.left, e.clientY - frame.top);
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
    choose(g ? Number(g.dataset.i) : -1, false);
    box.focus({ preventScroll: true });
  });
  box.addEventListener("keydown", (e) => {
    const turn = { ArrowLeft: "mother", ArrowRight: "daughter", ArrowUp: "before", ArrowDown: "after" }[e.key];
    if (e.key === "+") setZoom(zoom * 1.4);
    else if (e.key === "-") setZoom(zoom / 1.4);
    else if (e.key === "0") fitWidth();
    else if (e.key === "Escape") choose(-1);
    else if (turn && chosen >= 0) {
      const m = data.mother[chosen];
      const sisters = data.mother.map((v, i) => (v === m ? i : -1)).filter((i) => i >= 0);
      const at = sisters.indexOf(chosen);
      const next = turn === "mother" ? m : turn === "daughter" ? below[chosen][0]
        : turn === "before" ? sisters[at - 1] : sisters[at + 1];
      if (next !== undefined && next >= 0) choose(next);
    } else return;
    e.preventDefault();
  });
  choose(-1);
  fitWidth();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (wanted) { document.getElementById("find").value = wanted; choose(data.name.indexOf(wanted)); }
})();
