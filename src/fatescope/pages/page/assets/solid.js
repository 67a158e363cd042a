// Cells as solids: turn with the mouse or the arrow keys, pull apart, cut from the front, click a
// cell to see which it is. Drawn with WebGL 2; what lies under the pointer is worked out here.
for (const root of document.querySelectorAll(".solid")) {
  const part = (selector) => root.querySelector(selector);
  const data = JSON.parse(part(".data").textContent);
  const canvas = part("canvas"), gl = canvas.getContext("webgl2", { antialias: true });
  const about = part(".picked"), apart = part(".apart input"), cut = part(".cut input"), find = part(".find");
  if (!gl) { about.textContent = "This browser draws no solids (WebGL 2 is off)."; continue; }
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;
  const points = new Int16Array(bytes(data.points)), faces = new Uint32Array(bytes(data.faces));
  let yaw = -0.5, pitch = 0.35, zoom = 1, chosen = -1, over = -1;
  const seen = new Float32Array(points.length);

  // Each vertex carries its cell's number, and the centre of that cell.
  const n = points.length / 3, cell = new Float32Array(n), centre = new Float32Array(3 * n);
  let at = 0;
  data.cells.forEach((c, i) => {
    const sum = [0, 0, 0];
    for (let k = at; k < at + c.v; k++) for (let j = 0; j < 3; j++) sum[j] += points[3 * k + j] / c.v;
    for (let k = at; k < at + c.v; k++) { cell[k] = i; centre.set(sum, 3 * k); }
    at += c.v;
  });

  const vertex = `#version 300 es
    in vec3 point; in vec3 middle; in float cell;
    uniform mat3 turn; uniform vec2 scale; uniform float unit, apart;
    flat out float which; out vec3 here;
    void main() {
      here = turn * ((point + middle * apart) * unit);
      which = cell;
      gl_Position = vec4(here.xy * scale, -here.z * 0.4, 1.0);
    }`;
  const fragment = `#version 300 es
    precision highp float;
    flat in float which; in vec3 here;
    uniform sampler2D colours; uniform float front, chosen;
    out vec4 colour;
    void main() {
      if (here.z > front) discard;
      vec3 normal = normalize(cross(dFdx(here), dFdy(here)));
      vec3 own = texelFetch(colours, ivec2(int(which), 0), 0).rgb;
      float light = 0.38 + 0.62 * abs(dot(normal, normalize(vec3(0.3, 0.4, 0.85))));
      if (!gl_FrontFacing) light *= 0.55;
      if (chosen >= 0.0 && abs(chosen - which) > 0.5) own = mix(own, vec3(0.86), 0.75);
      colour = vec4(own * light, 1.0);
    }`;
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(program, shader);
  }
  gl.linkProgram(program); gl.useProgram(program);
  const give = (name, values, size, type) => {
    const place = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, false, 0, 0);
  };
  give("point", new Float32Array(points), 3, gl.FLOAT);
  give("middle", centre, 3, gl.FLOAT);
  give("cell", cell, 1, gl.FLOAT);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, faces, gl.STATIC_DRAW);
  const colours = new Uint8Array(4 * Math.max(1, data.cells.length)).fill(255);
  data.cells.forEach((c, i) => [1, 3, 5].forEach((k, j) => { colours[4 * i + j] = parseInt(c.c.slice(k, k + 2), 16); }));
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, Math.max(1, data.cells.length), 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, colours);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  const place = (name) => gl.getUniformLocation(program, name);
  const spots = Object.fromEntries(["turn", "scale", "unit", "apart", "front", "chosen"].map((k) => [k, place(k)]));
  gl.enable(gl.DEPTH_TEST);

  function view() {
    const w = canvas.clientWidth, h = canvas.clientHeight, far = Number(apart.value), fit = 1.1 * zoom / (1 + 0.5 * far);
    const cy = Math.cos(yaw), sy = Math.sin(yaw), cp = Math.cos(pitch), sp = Math.sin(pitch);
    return {
      far, front: 1 + far - 2 * Number(cut.value), scale: [fit * Math.min(1, h / w), fit * Math.min(1, w / h)],
      turn: [cy, 0, sy, sp * sy, cp, -sp * cy, -cp * sy, sp, cp * cy], unit: data.step / data.reach,
    };
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1, w = Math.round(canvas.clientWidth * ratio), h = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
    const v = view();
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.uniformMatrix3fv(spots.turn, true, v.turn);
    gl.uniform2f(spots.scale, ...v.scale);
    gl.uniform1f(spots.unit, v.unit);
    gl.uniform1f(spots.apart, v.far);
    gl.uniform1f(spots.front, v.front);
    gl.uniform1f(spots.chosen, chosen);
    gl.clearColor(1, 1, 1, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.drawElements(gl.TRIANGLES, faces.length, gl.UNSIGNED_INT, 0);
    const said = over >= 0 ? over : chosen;
    const all = `${data.cells.length} ${data.noun}${data.cells.length === 1 ? "" : "s"}`;
    about.textContent = said < 0 ? all : [`${data.noun} ${data.cells[said].n}`, data.cells[said].w].filter((t) => t).join(" · ");
  }
  // Of the triangles that cover the pointer and are not cut away, the cell of the foremost.
  function under(e) {
    const box = canvas.getBoundingClientRect(), v = view(), [a, b, c, d, f, g, k, l, m] = v.turn;
    const px = (2 * (e.clientX - box.left) / box.width - 1) / v.scale[0], py = (1 - 2 * (e.clientY - box.top) / box.height) / v.scale[1];
    for (let i = 0; i < n; i++) {
      const [x, y, z] = [0, 1, 2].map((j) => (points[3 * i + j] + centre[3 * i + j] * v.far) * v.unit);
      seen[3 * i] = a * x + b * y + c * z - px; seen[3 * i + 1] = d * x + f * y + g * z - py; seen[3 * i + 2] = k * x + l * y + m * z;
    }
    let best = -Infinity, found = -1;
    for (let i = 0; i < faces.length; i += 3) {
      const p = 3 * faces[i], q = 3 * faces[i + 1], r = 3 * faces[i + 2];
      const u = seen[q] * seen[r + 1] - seen[r] * seen[q + 1], s = seen[r] * seen[p + 1] - seen[p] * seen[r + 1], t = seen[p] * seen[q + 1] - seen[q] * seen[p + 1];
      if (!((u >= 0 && s >= 0 && t >= 0) || (u <= 0 && s <= 0 && t <= 0)) || u + s + t === 0) continue;
      const depth = (u * seen[p + 2] + s * seen[q + 2] + t * seen[r + 2]) / (u + s + t);
      if (depth <= v.front && depth > best) { best = depth; found = cell[faces[i]]; }
    }
    return found;
  }
  data.cells.forEach((c) => { part("datalist").appendChild(document.createElement("option")).value = c.n; });
  // Chosen by the reader, so that a page around this one may follow.
  function pick(i) {
    chosen = i; over = -1;
    linked.say({ chosen: { name: i >= 0 ? data.cells[i].n : "" } });
    draw();
  }
  linked.hears.push(({ at }) => {
    if (!at || !("name" in at)) return;
    chosen = data.cells.findIndex((c) => c.n === at.name);
    find.value = at.name;
    draw();
  });
  find.oninput = () => pick(data.cells.findIndex((c) => c.n === find.value.trim()));
  apart.oninput = cut.oninput = draw;
  let drag = null, moved = 0;
  canvas.addEventListener("pointerdown", (e) => { drag = [e.clientX, e.clientY]; moved = 0; canvas.setPointerCapture(e.pointerId); });
  canvas.addEventListener("pointerup", (e) => {
    drag = null;
    if (moved > 4) return;
    const i = under(e);
    find.value = i >= 0 ? data.cells[i].n : "";
    pick(i);
  });
  canvas.addEventListener("pointermove", (e) => {
    if (drag) {
      moved += Math.abs(e.clientX - drag[0]) + Math.abs(e.clientY - drag[1]);
      yaw += (e.clientX - drag[0]) / 150; pitch += (e.clientY - drag[1]) / 150;
      drag = [e.clientX, e.clientY];
    } else { over = under(e); }
    draw();
  });
  canvas.addEventListener("pointerleave", () => { over = -1; draw(); });
  canvas.addEventListener("wheel", (e) => { if (!e.ctrlKey && !e.metaKey) return; e.preventDefault(); zoom *= Math.exp(-e.deltaY / 600); draw(); }, { passive: false });
  canvas.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[e.key];
    if (step) { yaw += step[0]; pitch += step[1]; }
    else if (e.key === "Escape") { find.value = ""; pick(-1); }
    else if (e.key === "+" || e.key === "=") zoom *= 1.3;
    else if (e.key === "-") zoom /= 1.3;
    else if (e.key === "0") zoom = 1;
    else return;
    draw();
    e.preventDefault();
  });
  part(".left").onclick = () => { yaw = 0; pitch = 0; draw(); };
  part(".above").onclick = () => { yaw = 0; pitch = Math.PI / 2; draw(); };
  part(".behind").onclick = () => { yaw = -Math.PI / 2; pitch = 0; draw(); };
  new ResizeObserver(draw).observe(canvas);
}
