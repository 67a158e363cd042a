// Cosine annealing with kicks: sliders, and the schedule that they give on the measured score.
for (const root of document.querySelectorAll(".kicks")) {
  const data = JSON.parse(root.querySelector(".data").textContent);
  const sliders = [...root.querySelectorAll("input[type=range]")];
  const svg = root.querySelector("svg"), about = root.querySelector(".about.now"), toml = root.querySelector("pre");
  const n = data.measured.length, width = 720, left = 64, right = 12, high = 220, low = 110, gap = 34;

  function schedule(s) {
    let begin = 0, peak = 1, floor = s.floor_ratio, best = -Infinity, waited = 0;
    const rates = [], kicks = [];
    data.measured.forEach((value, epoch) => {
      const part = Math.min((epoch - begin) / s.period, 1);
      rates.push(data.rate * (floor + (peak - floor) / 2 * (Math.cos(Math.PI * part) + 1)));
      if (value > best) { best = value; waited = 0; } else waited += 1;
      if (waited >= s.patience && epoch + 1 >= begin + s.period) {
        begin = epoch + 1; waited = 0;
        peak = floor * (1 + s.percent / 100); floor *= s.floor_ratio;
        if (begin < n) kicks.push(begin);
      }
    });
    return { rates, kicks };
  }

  function add(name, attributes, text) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    svg.append(node);
  }

  const x = (epoch) => left + (width - left - right) * epoch / Math.max(1, n - 1);
  function panel(values, top, height, from, to, title, stroke) {
    const y = (v) => top + height - height * (v - from) / (to - from || 1);
    for (const v of [from, (from + to) / 2, to]) {
      add("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: "rule" });
      add("text", { x: left - 6, y: y(v) + 4, "text-anchor": "end" }, String(Number(v.toPrecision(2))));
    }
    add("text", { x: left, y: top - 8, class: "name" }, title);
    const d = values.map((v, i) => (Number.isFinite(v) ? (i ? "L" : "M") + x(i).toFixed(1) + " " + y(v).toFixed(1) : "")).join("");
    add("path", { d, stroke, fill: "none", "stroke-width": 2 });
  }

  function draw() {
    const s = Object.fromEntries(sliders.map((i) => [i.name, Number(i.value)]));
    sliders.forEach((i) => { i.parentNode.querySelector("output").textContent = i.value + (i.dataset.unit || ""); });
    const { rates, kicks } = schedule(s);
    svg.replaceChildren();
    const top = 24, second = top + high + gap;
    for (const k of kicks) add("line", { x1: x(k), x2: x(k), y1: top, y2: second + low, class: "kick" });
    panel(rates, top, high, 0, data.rate, "learning rate", "#0072b2");
    const known = data.measured.filter(Number.isFinite);
    panel(data.measured, second, low, Math.min(...known), Math.max(...known), data.words, "#d55e00");
    for (let e = 0; e < n; e += Math.max(1, Math.round(n / 8))) add("text", { x: x(e), y: second + low + 18, "text-anchor": "middle" }, String(e + 1));
    add("text", { x: (left + width) / 2, y: second + low + 36, "text-anchor": "middle" }, "epoch");
    const last = rates[rates.length - 1];
    about.textContent = kicks.length
      ? `${kicks.length} kick${kicks.length > 1 ? "s" : ""}, at epoch${kicks.length > 1 ? "s" : ""} ${kicks.map((k) => k + 1).join(", ")}; the last rate is ${last.toPrecision(2)}.`
      : `No kick: the score never stands still long enough. The last rate is ${last.toPrecision(2)}.`;
    toml.textContent = `[fit]\nlearning_rate = ${data.rate}\nsteps_per_epoch = ${data.steps}\n\n[fit.schedule]\nkind = "kicks"\nmetric = "${data.metric}"\npercent = ${s.percent}\npatience = ${s.patience}\nfloor_ratio = ${s.floor_ratio}\nperiod = ${s.period * data.steps}  # steps: ${s.period} epochs of ${data.steps}\n`;
    root.dataset.rates = JSON.stringify(rates.map((r) => Number(r.toPrecision(8))));
  }
  sliders.forEach((i) => { i.oninput = draw; });
  draw();
}
