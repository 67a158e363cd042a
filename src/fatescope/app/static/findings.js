// Findings are accepted or rejected, by a button or a key; each decision is saved before it is shown.

const table = document.getElementById("findings");
const said = document.getElementById("findings-said");
const WORDS = { open: "open", accepted: "✓ accepted", rejected: "✗ rejected" };
const KEYS = { a: "accepted", r: "rejected", o: "open" };

async function decide(line, status) {
  const body = new URLSearchParams({ row: line.dataset.row, rule: line.dataset.rule, status });
  try {
    const answer = await fetch(table.dataset.address, { method: "POST", body });
    const now = await answer.json();
    if (!answer.ok) return void (said.textContent = now.problem);
    line.dataset.status = now.status;
    line.querySelector("[data-word]").textContent = WORDS[now.status];
    for (const button of line.querySelectorAll("button")) button.setAttribute("aria-pressed", button.value === now.status);
    const left = table.querySelectorAll("tr[data-status=open]").length;
    said.textContent = `Saved: ${now.status}. ${left ? `${left} open.` : "None is open."}`;
  } catch {
    said.textContent = "The app does not answer. Start it again; every decision that was shown is kept.";
  }
}

const lines = [...table.querySelectorAll("tbody tr")];
for (const [n, line] of lines.entries()) {
  for (const button of line.querySelectorAll("button")) {
    const again = () => (line.dataset.status === button.value ? "open" : button.value);
    button.addEventListener("click", () => decide(line, again()));
  }
  line.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = { ArrowDown: n + 1, ArrowUp: n - 1 }[event.key];
    if (to !== undefined) lines[Math.max(0, Math.min(lines.length - 1, to))].focus();
    else if (KEYS[event.key.toLowerCase()]) decide(line, KEYS[event.key.toLowerCase()]);
    else return;
    event.preventDefault();
  });
}
