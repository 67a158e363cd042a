// Points in space and time: turn with the mouse or the arrow keys, play with the space bar, click
// a point to follow it; its name stays beside it.
for (const root of document.querySelectorAll(".room:not(.solid)")) {
  const part = (selector) => root.querySelector(selector);
  const data = JSON.parse(part(".data").textContent);
  const canvas = part("canvas"), pen = canvas.getContext("2d");
  const slider = part(".frame"), trail = part(".trail input");
  const about = part(".picked"), play = part(".play");
  const shown = data.groups.map(() => true);
  let yaw = -0.5, pitch = 0.35, zoom = 1, frame = data.last, timer = null, places = [], over = -1, chosen = -1;

  data.groups.forEach((g, i) => {
    if (!data.tracks.some((t) => t.g === i)) return;
    const row = document.createElement("li"), button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    dot.style.background = data.colours[i];
    button.onclick = () => { shown[i] = !shown[i]; button.setAttribute("aria-pressed", String(shown[i])); draw(); };
    button.append(dot, g);
    row.append(button);
    part(".legend").append(row);
  });

  const find = part(".find");
  const names = part("datalist");
  [...new Set(data.tracks.map((t) => t.n))].filter((n) => n).forEach((n) => {
    names.appendChild(document.createElement("option")).value = n;
  });
  find.oninput = () => {
    chosen = data.tracks.findIndex((t) => t.n === find.value.trim());
    if (chosen >= 0) {
      const t = data.tracks[chosen], last = t.f + t.p.length / 3 - 1;
      if (frame < t.f || frame > last) frame = last;
    }
    go(frame);
    if (find.value.trim() && chosen < 0) about.textContent = `no ${data.noun} is called ${find.value.trim()}`;
  };

  function turned(x, y, z) {
    const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
    const a = cy * x + sy * z, b = -sy * x + cy * z;
    return [a, cp * y - sp * b, sp * y + cp * b];
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    const w = canvas.clientWidth, h = canvas.clientHeight;
    canvas.width = w * ratio; canvas.height = h * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const scale = Math.min(w, h * 1.6) / (2.3 * data.reach) * zoom;
    const put = (p) => [w / 2 + p[0] * scale, h / 2 - p[1] * scale];
    const first = frame - Number(trail.value);
    places = [];
    data.tracks.forEach((t, i) => {
      const n = t.p.length / 3, end = Math.min(frame, t.f + n - 1), start = Math.max(first, t.f);
      if (!shown[t.g] || start > end) return;
      pen.strokeStyle = data.colours[t.g];
      pen.globalAlpha = chosen < 0 ? 0.45 : i === chosen ? 1 : 0.15;
      pen.lineWidth = i === chosen ? 3 : 1.3;
      pen.beginPath();
      for (let f = start; f <= end; f++) {
        const k = 3 * (f - t.f), q = put(turned(t.p[k] / 10, t.p[k + 1] / 10, t.p[k + 2] / 10));
        if (f === start) pen.moveTo(q[0], q[1]); else pen.lineTo(q[0], q[1]);
      }
      pen.stroke();
      if (t.f <= frame && frame <= t.f + n - 1) {
        const k = 3 * (frame - t.f), p = turned(t.p[k] / 10, t.p[k + 1] / 10, t.p[k + 2] / 10);
        places.push([...put(p), p[2], i]);
      }
    });
    places.sort((a, b) => a[2] - b[2]);
    places.forEach(([x, y, depth, i]) => {
      pen.globalAlpha = 0.55 + 0.45 * Math.min(Math.max((depth / data.reach + 1) / 2, 0), 1);
      pen.fillStyle = data.colours[data.tracks[i].g];
      pen.beginPath();
      pen.arc(x, y, (i === over ? 1.3 : 1) * Math.max(2, data.radius * scale), 0, 2 * Math.PI);
      pen.fill();
    });
    const here = places.find((p) => p[3] === chosen);
    if (here) mark(here[0], here[1], Math.max(2, data.radius * scale), data.tracks[chosen].n || "unnamed");
    pen.globalAlpha = 1;
    axes(put, scale);
    const minutes = (frame * data.interval).toFixed(0);
    part("output").textContent = `frame ${frame}` + (data.unit ? `, ${minutes} ${data.unit}` : "");
    const described = over >= 0 ? over : chosen;
    about.textContent = described >= 0 ? describe(described) : `${places.length} ${places.length === 1 ? data.noun : data.noun === "nucleus" ? "nuclei" : data.noun + "s"}`;
  }
  function mark(x, y, radius, name) {
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    pen.strokeStyle = "#000";
    pen.beginPath(); pen.arc(x, y, radius + 3, 0, 2 * Math.PI); pen.stroke();
    pen.font = "bold 14px Arial, sans-serif";
    const wide = pen.measureText(name).width, left = x + radius + 8 + wide < canvas.clientWidth ? x + radius + 8 : x - radius - 8 - wide;
    pen.lineWidth = 4;
    pen.strokeStyle = "#fff"; pen.strokeText(name, left, y + 5);
    pen.fillStyle = "#000"; pen.fillText(name, left, y + 5);
  }
  function describe(i) {
    const t = data.tracks[i], last = t.f + t.p.length / 3 - 1;
    const words = `${t.n || "unnamed"} · frames ${t.f} to ${last}`;
    if (frame < t.f || frame > last) return `${words} · not in frame ${frame}`;
    const k = 3 * (frame - t.f);
    return `${words} · ` + data.axes.map((a, j) => `${a} ${(t.p[k + j] / 10).toFixed(1)}`).join(", ") + " µm from the centre";
  }
  function nearest(e) {
    const frameBox = canvas.getBoundingClientRect(), x = e.clientX - frameBox.left, y = e.clientY - frameBox.top;
    let best = 14 ** 2, found = -1;
    places.forEach(([a, b, , i]) => { const d = (a - x) ** 2 + (b - y) ** 2; if (d <= best) { best = d; found = i; } });
    return found;
  }
  function axes(put, scale) {
    const corner = [70, canvas.clientHeight - 60], long = 42;
    pen.font = "12px Arial, sans-serif";
    pen.lineWidth = 1.3;
    pen.fillStyle = pen.strokeStyle = "#333";
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]].forEach((d, i) => {
      const p = turned(...d);
      pen.beginPath(); pen.moveTo(...corner); pen.lineTo(corner[0] + p[0] * long, corner[1] - p[1] * long); pen.stroke();
      pen.fillText(data.axes[i], corner[0] + p[0] * (long + 8) + 2, corner[1] - p[1] * (long + 8) + 4);
    });
    const bar = 10 * scale;
    pen.fillRect(canvas.clientWidth - bar - 30, canvas.clientHeight - 34, bar, 4);
    pen.fillText("10 µm", canvas.clientWidth - bar - 30, canvas.clientHeight - 40);
  }
  function go(f) { frame = Math.min(data.last, Math.max(data.first, f)); slider.value = frame; draw(); }
  function toggle() {
    if (timer) { clearInterval(timer); timer = null; play.textContent = "Play"; play.setAttribute("aria-pressed", "false"); return; }
    if (frame >= data.last) frame = data.first;
    play.textContent = "Playing"; play.setAttribute("aria-pressed", "true");
    timer = setInterval(() => { if (frame >= data.last) toggle(); else go(frame + 1); }, 60);
  }
  slider.min = data.first; slider.max = data.last; slider.value = frame;
  slider.oninput = () => go(Number(slider.value));
  trail.oninput = draw;
  play.onclick = toggle;
  let drag = null, moved = 0;
  canvas.addEventListener("pointerdown", (e) => { drag = [e.clientX, e.clientY]; moved = 0; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", (e) => {
    drag = null;
    if (moved <= 4) { chosen = nearest(e); find.value = chosen >= 0 ? data.tracks[chosen].n : ""; draw(); }
  });
  canvas.addEventListener("pointermove", (e) => {
    if (drag) {
      moved += Math.abs(e.clientX - drag[0]) + Math.abs(e.clientY - drag[1]);
      yaw += (e.clientX - drag[0]) / 150; pitch += (e.clientY - drag[1]) / 150;
      drag = [e.clientX, e.clientY];
    } else {
      over = nearest(e);
    }
    draw();
  });
  canvas.addEventListener("wheel", (e) => { if (!e.ctrlKey && !e.metaKey) return; e.preventDefault(); zoom *= Math.exp(-e.deltaY / 600); draw(); }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[e.key];
    if (step) { yaw += step[0]; pitch += step[1]; draw(); }
    else if (e.key === " ") toggle();
    else if (e.key === "Escape") { chosen = -1; find.value = ""; draw(); }
    else if (e.key === "+" || e.key === "=") { zoom *= 1.3; draw(); }
    else if (e.key === "-") { zoom /= 1.3; draw(); }
    else if (e.key === "0") { zoom = 1; draw(); }
    else if (e.key === ",") go(frame - 1);
    else if (e.key === ".") go(frame + 1);
    else return;
    e.preventDefault();
  });
  part(".left").onclick = () => { yaw = 0; pitch = 0; draw(); };
  part(".above").onclick = () => { yaw = 0; pitch = Math.PI / 2; draw(); };
  part(".behind").onclick = () => { yaw = -Math.PI / 2; pitch = 0; draw(); };
  part(".walk").hidden = data.first === data.last;
  new ResizeObserver(draw).observe(canvas);
}
