"use strict";
// fatescope: the report page. Part of fatescope, BSD-3-Clause. It reads the JSON block of this
// page and nothing else; without it the page still shows its first picture and every table.
(() => {
  const byId = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const views = JSON.parse(byId("data").textContent).views;

  // The first picture stands in the page already; it is not stored twice.
  function completed(first, drawn) {
    first.picture = drawn.querySelector("image").getAttribute("href");
    drawn.querySelectorAll("path").forEach((p, i) => { first.outlines[i][6] = p.getAttribute("d"); });
  }

  const make = (name, attributes, parent) => {
    const node = document.createElementNS(SVG, name);
    for (const key in attributes) node.setAttribute(key, attributes[key]);
    parent.appendChild(node);
    return node;
  };

  function viewer() {
    const stage = byId("stage");
    const svg = stage.querySelector("svg");
    const slider = byId("frame");
    const on = { picture: true, outlines: true, numbers: false };
    completed(views[0].frames[0], svg);
    let shown = 0, view = views[0], at = 0, box, chosen = null, timer = null;

    // What is drawn ------------------------------------------------------------------------
    function draw() {
      const frame = view.frames[at];
      svg.textContent = "";
      if (on.picture) {
        make("image", { href: frame.picture, width: view.width, height: view.height }, svg);
      }
      if (on.outlines) {
        const group = make("g", { transform: "scale(.5)" }, svg);
        for (const [label, colour, doubt, size, , , path] of frame.outlines) {
          const node = make("path", { d: path, class: "c" + colour + (doubt ? " doubt" : "") }, group);
          if (label === chosen) { node.classList.add("chosen"); group.appendChild(node); }
          node.addEventListener("click", () => { if (!moved) choose(label, size, doubt); });
        }
        if (chosen !== null) group.querySelectorAll(".chosen").forEach((n) => group.appendChild(n));
      }
      if (on.numbers) {
        const size = box[2] / 55;
        for (const [label, , , , y, x] of frame.outlines) {
          make("text", { x, y, "font-size": size, "stroke-width": size / 5 }, svg).textContent = label;
        }
      }
      slider.value = at;
      const time = view.interval ? " · " + +(frame.index * view.interval).toFixed(2) + " min" : "";
      const text = view.walk + " " + frame.index + " of 0–" + (view.length - 1) + time;
      setContrast(0);
      byId("frame-text").textContent = text + " · n = " + frame.n;
      slider.setAttribute("aria-valuetext", text);
      place();
    }

    function choose(label, size, doubt) {
      chosen = label;
      byId("picked").textContent = "Nucleus " + label + (size ? ": " + size : "") + (doubt ? " (doubtful, dashed outline)" : "");
      draw();
    }

    // Where we look ------------------------------------------------------------------------
    function place() {
      svg.setAttribute("viewBox", box.join(" "));
      const area = svg.getBoundingClientRect();
      const pixels = Math.min(area.width / box[2], area.height / box[3]);
      stage.classList.toggle("near", pixels > 5);
      drawBar();
    }

    // In units of the image, so that a print of the page keeps it right.
    function drawBar() {
      svg.querySelector(".scale")?.remove();
      const [left, top, width, height] = box;
      const unit = view.um ?? view.step;
      const power = 10 ** Math.floor(Math.log10((width / 5) * unit));
      const length = [5, 2, 1].map((m) => m * power).find((l) => l <= (width / 5) * unit);
      const drawn = length / unit, size = width / 36;
      const x = left + width * 0.975 - drawn, y = top + height - width * 0.025;
      const bar = make("g", { class: "scale" }, svg);
      make("rect", { x, y: y - size / 4, width: drawn, height: size / 4 }, bar);
      make("text", { x: x + drawn / 2, y: y - size, "font-size": size, "stroke-width": size / 5 }, bar)
        .textContent = +length.toPrecision(2) + (view.um ? " µm" : " px");
    }

    // White at a lower value: what is brighter is lost to white, what is dim comes up.
    function setContrast(by) {
      const input = byId("contrast");
      input.value = Number(input.value) + by;
      const factor = 2 ** input.value;
      const white = view.black + (view.white - view.black) / factor;
      byId("contrast-text").textContent = factor === 1 ? "" : "white is " + +white.toPrecision(3);
      svg.querySelector("image")?.setAttribute("style", "filter:brightness(" + factor + ")");
    }

    function fit() { box = [0, 0, view.width, view.height]; draw(); }

    function zoom(factor, x = box[0] + box[2] / 2, y = box[1] + box[3] / 2) {
      const width = Math.min(view.width, Math.max(view.width / 40, box[2] / factor));
      const scale = width / box[2];
      box = [x - (x - box[0]) * scale, y - (y - box[1]) * scale, width, box[3] * scale];
      keepInside();
      on.numbers ? draw() : place();
    }

    function keepInside() {
      box[0] = Math.min(Math.max(0, box[0]), view.width - box[2]);
      box[1] = Math.min(Math.max(0, box[1]), view.height - box[3]);
    }

    function pan(dx, dy) { box[0] += dx; box[1] += dy; keepInside(); place(); }

    const point = (event) => {
      const matrix = svg.getScreenCTM().inverse();
      return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    };

    // Which picture ------------------------------------------------------------------------
    function show(index, frame = 0) {
      shown = (index + views.length) % views.length;
      view = views[shown];
      at = frame;
      stop();
      if (byId("view")) byId("view").value = shown;
      byId("strip")?.querySelectorAll("button").forEach((b, i) => {
        b.setAttribute("aria-current", String(i === shown));
        if (i === shown) byId("strip").scrollLeft = b.offsetLeft - byId("strip").clientWidth / 2;
      });
      byId("about").textContent = view.about;
      byId("picked").textContent = "";
      slider.max = view.frames.length - 1;
      byId("walk").hidden = view.frames.length < 2;
      chosen = null;
      fit();
    }

    function step(by) {
      at = (at + by + view.frames.length) % view.frames.length;
      if (!view.tracked) chosen = null;
      draw();
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      byId("play").setAttribute("aria-pressed", "false");
      byId("play").textContent = "Play";
    }

    function play() {
      if (timer) { stop(); return; }
      timer = setInterval(() => step(1), 250);
      byId("play").setAttribute("aria-pressed", "true");
      byId("play").textContent = "Playing";
    }

    // Small images to choose from; the browser scales what the page holds anyway.
    function fillStrip() {
      const strip = byId("strip");
      for (const [i, one] of views.entries()) {
        const button = document.createElement("button");
        const image = document.createElement("img");
        button.type = "button";
        button.title = one.title + " · n = " + one.frames[0].n;
        image.src = one.frames[0].picture;
        image.alt = one.title;
        image.loading = "lazy";
        image.decoding = "async";
        button.append(image);
        button.addEventListener("click", () => show(i));
        strip?.append(button);
      }
    }

    function toggle(what) {
      on[what] = !on[what];
      byId("t-" + what).setAttribute("aria-pressed", String(on[what]));
      draw();
    }

    // Hands ----------------------------------------------------------------------------------
    let held = null, moved = false;
    stage.addEventListener("pointerdown", (e) => { held = point(e); moved = false; });
    stage.addEventListener("pointermove", (e) => {
      if (!held || !e.buttons) return;
      const now = point(e);
      const dx = held.x - now.x, dy = held.y - now.y;
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
        x: () => toggle("outlines"), p: () => toggle("picture"), n: () => toggle("numbers"),
        pageup: () => show(shown - 1), pagedown: () => show(shown + 1),
        c: () => setContrast(0.5), v: () => setContrast(-0.5),
        " ": () => { if (view.frames.length > 1) play(); },
      };
      if (side && (e.shiftKey || view.frames.length < 2)) {
        pan((side[0] * box[2]) / 10, (side[1] * box[3]) / 10);
      } else if (side && side[0]) { stop(); step(side[0]); }
      else if (keys[e.key.toLowerCase()]) keys[e.key.toLowerCase()]();
      else return;
      e.preventDefault();
    });
    slider.addEventListener("input", () => { stop(); step(Number(slider.value) - at); });
    byId("play").addEventListener("click", play);
    byId("view")?.addEventListener("change", (e) => show(Number(e.target.value)));
    byId("previous")?.addEventListener("click", () => show(shown - 1));
    byId("next")?.addEventListener("click", () => show(shown + 1));
    byId("contrast").addEventListener("input", () => setContrast(0));
    for (const what of ["picture", "outlines", "numbers"]) {
      byId("t-" + what).addEventListener("click", () => toggle(what));
    }
    byId("z-in").addEventListener("click", () => zoom(1.5));
    byId("z-out").addEventListener("click", () => zoom(1 / 1.5));
    byId("z-fit").addEventListener("click", fit);
    addEventListener("resize", place);

    for (const button of document.querySelectorAll(".jump")) {
      button.addEventListener("click", () => {
        const { label, y, x, at: frame } = button.dataset;
        show(Number(button.dataset.view), Number(frame));
        const found = view.frames[at].outlines.find((o) => o[0] === Number(label));
        const width = Math.min(view.width, Math.max(view.width / 8, 60));
        const height = (width * view.height) / view.width;
        box = [x - width / 2, y - height / 2, width, height];
        keepInside();
        if (found) choose(found[0], found[3], found[2]); else draw();
        stage.focus({ preventScroll: true });
        byId("viewer").scrollIntoView({ block: "nearest" });
      });
    }
    document.querySelector(".tools").hidden = false;
    fillStrip();
    show(0);
  }

  function sortable(table) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const value = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
        const order = (a, b) => {
          const p = value(a), q = value(b);
          if (p === "" || q === "") return (p === "") - (q === "");
          const d = p - q;
          return (up ? 1 : -1) * (Number.isNaN(d) ? p.localeCompare(q, "en", { numeric: true }) : d);
        };
        body.append(...[...body.rows].sort(order));
      });
    });
  }

  for (const table of document.querySelectorAll("table.sortable")) sortable(table);
  for (const button of document.querySelectorAll(".copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = byId(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
      } catch {
        // A page opened from a file may have no clipboard: select the text for Ctrl+C instead.
        getSelection().selectAllChildren(source);
        document.execCommand("copy");
      }
      byId("copied").textContent = "Copied.";
      button.textContent = "Copied";
    });
  }
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  if (views.length) viewer();
})();
