// Files that are dropped or chosen are sent one by one, four at a time, each under its own name.

const AT_ONCE = 4;
const drop = document.getElementById("drop");
const sending = document.getElementById("sending");
const bar = document.getElementById("sent");
const words = document.getElementById("sending-words");
const problem = document.getElementById("drop-problem");
const running = new Set();
let cancelled = false;

const ZARR = [".zarray", ".zattrs", ".zgroup", ".zmetadata"];
const hidden = (name) => (name.startsWith(".") && !ZARR.includes(name)) || name === "Thumbs.db" || name === "desktop.ini";

async function entriesOf(entry, folders) {
  if (entry.isFile) {
    const file = await new Promise((yes, no) => entry.file(yes, no));
    return hidden(file.name) ? [] : [{ file, folders }];
  }
  if (hidden(entry.name)) return [];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no));
    if (!some.length) break;
    for (const inner of some) found.push(...(await entriesOf(inner, [...folders, entry.name])));
  }
  return found;
}

function send(address, item, onBytes) {
  return new Promise((yes, no) => {
    const query = new URLSearchParams({ name: item.file.name });
    for (const folder of item.folders) query.append("folder", folder);
    const request = new XMLHttpRequest();
    running.add(request);
    request.open("PUT", `${address}/files?${query}`);
    request.upload.onprogress = (event) => onBytes(event.loaded);
    request.onloadend = () => running.delete(request);
    request.onerror = () => no(new Error(`${item.file.name}: the app does not answer. Is it still open?`));
    request.onabort = () => no(new Error("Cancelled."));
    request.onload = () => {
      if (request.status === 201) return yes();
      let said = `${item.file.name}: was not taken.`;
      try {
        said = JSON.parse(request.responseText).problem ?? said;
      } catch {
        // what came is no sentence of ours
      }
      no(new Error(said));
    };
    request.send(item.file);
  });
}

async function take(items) {
  if (!items.length) return say("There is no file in what was dropped.");
  problem.hidden = true;
  sending.hidden = false;
  cancelled = false;
  const total = items.reduce((sum, item) => sum + item.file.size, 0) || 1;
  const bytes = new Map();
  let done = 0;
  const show = () => {
    const sum = [...bytes.values()].reduce((a, b) => a + b, 0);
    bar.value = Math.min(1, sum / total);
    words.textContent = `${done} of ${items.length} sent`;
  };
  const first = items[0];
  const title = first.folders[0] ?? (items.length > 1 ? `${first.file.name} and ${items.length - 1} more` : first.file.name);
  try {
    const made = await fetch("/data", { method: "POST", body: new URLSearchParams({ title }) });
    if (!made.ok) throw new Error((await made.json()).problem);
    const { address } = await made.json();
    const faults = [];
    const queue = [...items.keys()];
    const worker = async () => {
      for (let n = queue.shift(); n !== undefined && !cancelled; n = queue.shift()) {
        try {
          await send(address, items[n], (loaded) => {
            bytes.set(n, loaded);
            show();
          });
        } catch (error) {
          faults.push(error.message);
        }
        done += 1;
        show();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (cancelled) return say("Cancelled. What was sent is listed below after the page is loaded again.");
    if (faults.length === items.length || faults.length > 5) return say(faults.slice(0, 3).join(" "));
    if (faults.length && !confirm(`${faults.join("\n")}\n\nGo on with the others?`)) return say(faults.join(" "));
    location.href = address + (drop.dataset.then ?? "");
  } catch (error) {
    say(error.message);
  }
}

function say(sentence) {
  sending.hidden = true;
  problem.textContent = sentence;
  problem.hidden = false;
}

document.getElementById("files").addEventListener("change", (event) =>
  take([...event.target.files].map((file) => ({ file, folders: [] }))),
);
document.getElementById("folder").addEventListener("change", (event) =>
  take(
    [...event.target.files]
      .map((file) => ({ file, folders: file.webkitRelativePath.split("/").slice(0, -1) }))
      .filter((item) => !hidden(item.file.name)),
  ),
);
document.getElementById("cancel-sending").addEventListener("click", () => {
  cancelled = true;
  for (const request of running) request.abort();
});
for (const name of ["dragenter", "dragover"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const entries = [...event.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) {
    return take([...event.dataTransfer.files].map((file) => ({ file, folders: [] })));
  }
  const found = await Promise.all(entries.map((entry) => entriesOf(entry, [])));
  take(found.flat());
});
