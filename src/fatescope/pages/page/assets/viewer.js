// Image viewers: walk, play, zoom, switch layers, lead to places.
for (const root of document.querySelectorAll(".look")) {
  const data = JSON.parse(root.querySelector(".data").textContent), views = data.views;
  const find = (selector) => root.querySelector(selector);
  const stage = find(".stage"), slider = find(".walk input"), contrast = find(".contrast input");
  const on = { image: true, outlines: true, numbers: false }, off = new Set();
  let panes = [...stage.querySelectorAll(".pane")];
  let shown = 0, view = views[0], at = 0, box, chosen = null, timer = null, held = null, moved = false;

  // The first images stand in the page already; they are not stored twice.
  views[0].frames[views[0].opens].panes.forEach((pane, i) => {
    pane.image = panes[i].querySelector("image").getAttribute("href");
    panes[i].querySelectorAll("path").forEach((p, k) => { pane.outlines[k][6] = p.getAttribute("d"); });
  });
  const size = () => view.frames[0].panes[0];

  // What is drawn ------------------------------------------------------------------------
  function draw() {
    const frame = view.frames[at];
    frame.panes.forEach((pane, i) => {
      panes[i].querySelector("p").textContent = pane.title;
      const svg = panes[i].querySelector("svg");
      svg.textContent = "";
      const filter = "filter:brightness(" + 2 ** contrast.value + ")";
      if (on.image) make("image", { href: pane.image || frame.panes[0].image, width: pane.width, height: pane.height, style: filter }, svg);
      const drawn = pane.outlines.filter((o) => !off.has(o[7]));
      if (on.outlines) {
        const group = make("g", { transform: "scale(.5)" }, svg);
        for (const [label, colour, doubt, words, , , path] of drawn) {
          const node = make("path", { d: path, stroke: colour }, group);
          if (doubt) node.classList.add("doubt");
          if (label === chosen) node.classList.add("chosen");
          node.addEventListener("click", () => { if (!moved) choose(label, words, doubt); });
        }
        group.append(...group.querySelectorAll(".chosen"));
      }
      const letters = box[2] / 55;
      if (on.numbers) for (const [label, , , , y, x] of drawn) {
        make("text", { x, y, "font-size": letters, "stroke-width": letters / 5 }, svg).textContent = label;
      }
    });
    slider.value = at;
    const time = view.interval ? " · " + +(frame.index * view.interval).toFixed(2) + " min" : "";
    const text = view.walk + " " + frame.index + " of " + view.base + "–" + (view.base + view.length - 1) + time;
    find(".walk output").textContent = text + (frame.words ? " · " + frame.words : "");
    slider.setAttribute("aria-valuetext", text);
    place();
  }

  function choose(label, words, doubt) {
    chosen = label;
    const noun = data.noun[0].toUpperCase() + data.noun.slice(1);
    find(".picked").textContent = noun + " " + label + (words ? ": " + words : "") + (doubt ? " (doubtful, dashed outline)" : "");
    draw();
  }

  // Where we look ------------------------------------------------------------------------
  function place() {
    view.frames[at].panes.forEach((pane, i) => {
      const svg = panes[i].querySelector("svg");
      // Panes of other sizes show the same share of their image.
      const part = [pane.width / size().width, pane.height / size().height];
      const own = [box[0] * part[0], box[1] * part[1], box[2] * part[0], box[3] * part[1]];
      svg.setAttribute("viewBox", own.join(" "));
      const area = svg.getBoundingClientRect();
      stage.classList.toggle("near", Math.min(area.width / own[2], area.height / own[3]) > 5);
      drawBar(svg, own);
    });
  }

  // In units of the image, so that a print of the page keeps it right.
  function drawBar(svg, [left, top, width, height]) {
    svg.querySelector(".scale")?.remove();
    if (!view.step) return;
    const unit = view.um ?? view.step;
    const power = 10 ** Math.floor(Math.log10((width / 5) * unit));
    const length = [5, 2, 1].map((m) => m * power).find((l) => l <= (width / 5) * unit);
    const drawn = length / unit, letters = width / 36;
    const x = left + width * 0.975 - drawn, y = top + height - width * 0.025;
    const bar = make("g", { class: "scale" }, svg);
    make("rect", { x, y: y - letters / 4, width: drawn, height: letters / 4 }, bar);
    make("text", { x: x + drawn / 2, y: y - letters, "font-size": letters, "stroke-width": letters / 5 }, bar)
      .textContent = +length.toPrecision(2) + (view.um ? " µm" : " px");
  }

  // White at a lower value: what is brighter is lost to white, what is dim comes up.
  function setContrast(by) {
    contrast.value = Number(contrast.value) + by;
    const factor = 2 ** contrast.value, white = view.black + (view.white - view.black) / factor;
    find(".contrast output").textContent = factor === 1 ? "" : "white is " + +white.toPrecision(3);
    for (const image of stage.querySelectorAll("image")) image.setAttribute("style", "filter:brightness(" + factor + ")");
  }

  function fit() { box = [0, 0, size().width, size().height]; draw(); }

  function zoom(factor, x = box[0] + box[2] / 2, y = box[1] + box[3] / 2) {
    const width = Math.min(size().width, Math.max(size().width / 40, box[2] / factor));
    const scale = width / box[2];
    box = [x - (x - box[0]) * scale, y - (y - box[1]) * scale, width, box[3] * scale];
    pan(0, 0);
    if (on.numbers) draw();
  }

  function pan(dx, dy) {
    box[0] = Math.min(Math.max(0, box[0] + dx), size().width - box[2]);
    box[1] = Math.min(Math.max(0, box[1] + dy), size().height - box[3]);
    place();
  }

  // Of any pane, in pixels of the first one.
  const point = (event) => {
    const i = Math.max(0, panes.findIndex((p) => p.contains(event.target)));
    const svg = panes[i].querySelector("svg"), pane = view.frames[at].panes[i];
    const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    return { x: (p.x * size().width) / pane.width, y: (p.y * size().height) / pane.height };
  };

  // Which image ------------------------------------------------------------------------
  function show(index, frame) {
    shown = (index + views.length) % views.length;
    view = views[shown];
    at = frame ?? view.opens;
    stop();
    while (panes.length < view.frames[0].panes.length) stage.append(panes[0].cloneNode(true)), panes = [...stage.querySelectorAll(".pane")];
    panes.forEach((pane, i) => { pane.hidden = i >= view.frames[0].panes.length; });
    if (find(".choose")) find(".choose").value = shown;
    find(".strip")?.querySelectorAll("button").forEach((b, i) => {
      b.setAttribute("aria-current", String(i === shown));
      if (i === shown) find(".strip").scrollLeft = b.offsetLeft - find(".strip").clientWidth / 2;
    });
    find(".about").textContent = view.about;
    find(".picked").textContent = "";
    slider.max = view.frames.length - 1;
    find(".walk").hidden = view.frames.length < 2;
    chosen = null;
    fit();
    setContrast(0);
  }

  function step(by) { at = (at + by + view.frames.length) % view.frames.length; draw(); }

  function stop() {
    clearInterval(timer);
    timer = null;
    find(".play").setAttribute("aria-pressed", "false");
    find(".play").textContent = "Play";
  }

  function play() {
    if (timer) { stop(); return; }
    timer = setInterval(() => step(1), 250);
    find(".play").setAttribute("aria-pressed", "true");
    find(".play").textContent = "Playing";
  }

  // Small images to choose from; the browser scales what the page holds anyway.
  for (const [i, one] of (find(".strip") ? views : []).entries()) {
    const button = document.createElement("button"), image = document.createElement("img");
    button.type = "button";
    button.title = [one.title, one.frames[one.opens].words].filter(Boolean).join(" · ");
    image.src = one.frames[one.opens].panes[0].image;
    image.alt = one.title;
    image.loading = "lazy";
    image.decoding = "async";
    button.append(image);
    button.addEventListener("click", () => show(i));
    find(".strip").append(button);
  }

  function toggle(what) {
    const button = find(`[data-toggle=${what}]`);
    if (!button) return;
    on[what] = !on[what];
    button.setAttribute("aria-pressed", String(on[what]));
    draw();
  }

  // Hands ----------------------------------------------------------------------------------
  stage.addEventListener("pointerdown", (e) => { held = point(e); moved = false; });
  stage.addEventListener("pointermove", (e) => {
    if (!held || !e.buttons) return;
    const now = point(e), dx = held.x - now.x, dy = held.y - now.y;
    if (Math.hypot(dx, dy) > box[2] / 200 || moved) {
      if (!moved) stage.setPointerCapture(e.pointerId);
      moved = true;
      pan(dx, dy);
    }
  });
  addEventListener("pointerup", () => { held = null; });
  stage.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    const p = point(e);
    zoom(Math.exp(-e.deltaY / 250), p.x, p.y);
  }, { passive: false });
  stage.addEventListener("dblclick", (e) => { const p = point(e); zoom(2, p.x, p.y); });
  stage.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const side = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
    const keys = {
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": fit,
      x: () => toggle("outlines"), p: () => toggle("image"), n: () => toggle("numbers"),
      pageup: () => show(shown - 1), pagedown: () => show(shown + 1),
      c: () => setContrast(0.5), v: () => setContrast(-0.5),
      " ": () => { if (view.frames.length > 1) play(); },
    };
    if (side && (e.shiftKey || view.frames.length < 2)) pan((side[0] * box[2]) / 10, (side[1] * box[3]) / 10);
    else if (side && side[0]) { stop(); step(side[0]); }
    else if (keys[e.key.toLowerCase()]) keys[e.key.toLowerCase()]();
    else return;
    e.preventDefault();
  });
  slider.addEventListener("input", () => { stop(); step(Number(slider.value) - at); });
  find(".play").addEventListener("click", play);
  find(".choose")?.addEventListener("change", (e) => show(Number(e.target.value)));
  find(".previous")?.addEventListener("click", () => show(shown - 1));
  find(".next")?.addEventListener("click", () => show(shown + 1));
  contrast.addEventListener("input", () => setContrast(0));
  for (const button of root.querySelectorAll("[data-toggle]")) button.addEventListener("click", () => toggle(button.dataset.toggle));
  for (const button of root.querySelectorAll("[data-layer]")) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(!pressed(button)));
      pressed(button) ? off.delete(button.dataset.layer) : off.add(button.dataset.layer);
      draw();
    });
  }
  find(".in").addEventListener("click", () => zoom(1.5));
  find(".out").addEventListener("click", () => zoom(1 / 1.5));
  find(".fit").addEventListener("click", fit);
  addEventListener("resize", place);

  for (const button of root.querySelectorAll(".jump")) {
    button.addEventListener("click", () => {
      const { label, y, x, at: frame } = button.dataset;
      show(Number(button.dataset.view), Number(frame));
      const found = view.frames[at].panes[0].outlines.find((o) => o[0] === Number(label));
      const width = Math.min(size().width, Math.max(size().width / 8, 60)), height = (width * size().height) / size().width;
      box = [x - width / 2, y - height / 2, width, height];
      pan(0, 0);
      if (found) choose(found[0], found[3], found[2]); else draw();
      stage.focus({ preventScroll: true });
      find(".viewer").scrollIntoView({ block: "nearest" });
    });
  }
  find(".viewer > .tools").hidden = false;
  show(0);
}
