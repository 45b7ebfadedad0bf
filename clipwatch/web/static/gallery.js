// The gallery: what the parts of the page do together.

import { go, here } from "./address.js";
import { completeIn } from "./completing.js";
import { ABSENT, logIn } from "./daemon.js";
import { closeImage, openImage, step } from "./detail.js";
import { refreshFacets } from "./facets.js";
import { loadMore, refreshList, search, view } from "./list.js";
import { $ } from "./pieces.js";
import { drawAbsence, refreshBackend, refreshQueue } from "./status.js";

const QUEUE_MS = 4000;
const BACKEND_MS = 30000; // asking looks at the server itself, so seldom
const LIST_MS = 5000;

// Repeat while the page is looked at; a daemon that does not answer is said once and asked again.
function every(milliseconds, work) {
  async function turn() {
    try {
      if (!document.hidden && !$("login").open) await work();
    } catch (error) {
      if (error.status === ABSENT) drawAbsence();
    }
    setTimeout(turn, milliseconds);
  }
  turn();
}

const sortIn = (q) => q.match(/\bsort:(\w+)/)?.[1];

async function arrive({ first = false } = {}) {
  const { q = "", sort = "", image = null } = here();
  if (first || q !== view.query || sort !== view.sort) {
    $("query").value = q;
    $("sort").value = sort || sortIn(q) || "newest";
    scrollTo(0, 0);
    await search(q, sort);
  }
  if (image) openImage(image);
  else closeImage();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if ($("detail").open) {
    if (event.key === "ArrowLeft") step(-1);
    if (event.key === "ArrowRight") step(1);
  } else if (event.key === "/" && document.activeElement !== $("query")) {
    event.preventDefault();
    $("query").select();
  }
}

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const q = $("query").value.trim();
  // What was written last counts, not the order that was chosen before.
  if (q === view.query) search(q);
  else go(sortIn(q) ? { q, sort: null } : { q });
});
$("sort").addEventListener("change", () => go({ sort: $("sort").value }));
$("refine").addEventListener("toggle", () => refreshFacets(view.query));
$("query").addEventListener("search", () => $("query").value || go({ q: null }));
$("fresh").addEventListener("click", () => {
  $("fresh").hidden = true;
  scrollTo(0, 0);
  search(view.query);
});
$("newer").addEventListener("click", () => step(-1));
$("older").addEventListener("click", () => step(1));
$("close").addEventListener("click", () => go({ image: null }));
$("detail").addEventListener("cancel", (event) => {
  event.preventDefault();
  go({ image: null });
});
$("login-form").addEventListener("submit", logIn);
addEventListener("keydown", onKey);
addEventListener("hashchange", () => arrive());
new IntersectionObserver(loadMore, { rootMargin: "100%" }).observe($("end"));

completeIn($("query"), $("candidates"));
await arrive({ first: true });
every(QUEUE_MS, refreshQueue);
every(BACKEND_MS, refreshBackend);
setTimeout(() => every(LIST_MS, refreshList), LIST_MS);
