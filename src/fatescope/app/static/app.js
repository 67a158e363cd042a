// Copying, estimates, progress, and being asked before something is removed.

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    const said = button.parentElement.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(source.textContent);
      said.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(source);
      said.textContent = "Selected. Copy with Ctrl+C.";
    }
  });
}

for (const form of document.querySelectorAll("form[data-sure]")) {
  form.addEventListener("submit", (event) => {
    if (!confirm(form.dataset.sure)) event.preventDefault();
  });
}

const ask = document.getElementById("ask");
if (ask) {
  const estimate = document.getElementById("estimate");
  let asked = 0;
  const switches = [...ask.querySelectorAll("input[type=checkbox]")];
  const tell = () => {
    for (const s of switches) s.closest(".field").querySelector("[type=hidden]").disabled = s.checked;
  };
  const work = async () => {
    tell();
    const mine = ++asked;
    const response = await fetch(ask.dataset.estimate, {
      method: "POST",
      body: new URLSearchParams(new FormData(ask)),
    });
    const said = await response.json();
    if (mine !== asked) return;
    estimate.textContent = said.problem ?? said.estimate;
    estimate.classList.toggle("problem", Boolean(said.problem));
    document.getElementById("command").textContent = said.command ?? "";
    document.getElementById("python").textContent = said.python ?? "";
  };
  let timer;
  ask.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(work, 350);
  });
  ask.addEventListener("submit", () => {
    tell();
    document.getElementById("run").disabled = true;
  });
  addEventListener("pageshow", () => {
    document.getElementById("run").disabled = false;
  });
  work();
}

const waiting = document.getElementById("waiting");
if (waiting) {
  const bar = document.getElementById("bar");
  const words = document.getElementById("words");
  let left = -Infinity; // somebody is on the way to another page: a reload would call them back
  addEventListener("beforeunload", () => (left = performance.now()));
  const look = async () => {
    let wait = 400;
    try {
      const now = await (await fetch(waiting.dataset.state)).json();
      if (performance.now() - left < 3000) return void setTimeout(look, 3000);
      if (now.state !== "waiting" && now.state !== "running") return location.reload();
      words.classList.toggle("problem", Boolean(now.trouble));
      if (now.trouble) {
        words.textContent = `${now.trouble} The work goes on by itself.`;
      } else if (now.state === "waiting") {
        words.textContent = now.before ? `${now.before} before this one.` : "Waiting to start.";
      } else if (now.total) {
        bar.max = now.total;
        bar.value = now.done;
        words.textContent = `${now.done} of ${now.total} done. ${now.what}`;
      } else {
        words.textContent = "Working …";
      }
    } catch {
      words.textContent = "The app does not answer. If it was ended, start it again: the work continues.";
      wait = 2000;
    }
    setTimeout(look, wait);
  };
  look();
}
