// A page inside another one may be linked with it: it says what the reader chose, and is told what
// to show. It says nothing before the outer page has spoken, and then to that window alone.
const linked = { hears: [], outer: null };
linked.say = (what) => linked.outer?.postMessage({ fatescope: what }, "*");
addEventListener("message", (event) => {
  const told = event.data?.fatescope;
  if (!told || window.parent === window || event.source !== window.parent) return;
  if (!linked.outer) {
    linked.outer = event.source;
    new ResizeObserver(() => linked.say({ height: Math.ceil(document.documentElement.getBoundingClientRect().height) })).observe(document.documentElement);
  }
  for (const hear of linked.hears) hear(told);
});
