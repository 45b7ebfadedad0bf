// The gallery. Whatever an image or a server says is put on the page as text, never as markup.

const API = "/api/v1";
const PAGE = 60;
const MOST_REFRESHED = 500; // the server's largest page
const QUEUE_MS = 4000;
const BACKEND_MS = 30000; // asking looks at the server itself, so seldom
const LIST_MS = 5000;
const NEAR_TOP = 300; // pixels

const $ = (id) => document.getElementById(id);

const view = {
  query: "",
  images: [],
  cursor: null, // where the list goes on; null at its end
  loading: false,
  wrong: false, // the search cannot be understood, and is not tried again by itself
  asked: 0, // counts listings, so that a late answer to an old search is dropped
};

// --- talking to the daemon ---------------------------------------------------------------------

class Problem extends Error {
  constructor(status, { detail, hint } = {}) {
    super(detail || `The server answered ${status}.`);
    this.status = status;
    this.hint = hint || "";
  }
}

async function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(query ? `${path}?${query}` : path);
  if (answer.ok) return answer.json();
  if (answer.status === 401) askForToken();
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

function askForToken() {
  if (!$("login").open) $("login").showModal();
}

async function logIn(event) {
  event.preventDefault();
  const answer = await fetch("/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token: $("token").value }),
  });
  if (answer.ok) location.reload();
  else {
    const { detail } = await answer.json();
    $("login-trouble").textContent = detail;
    $("login-trouble").hidden = false;
  }
}

// --- small pieces of page ----------------------------------------------------------------------

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Text that stays the same is not set again: a screen reader would read it out each time.
function show(element, text) {
  element.hidden = !text;
  if (element.textContent !== (text || "")) element.textContent = text || "";
}

function showTrouble(error) {
  const words = [make("p", { textContent: error.message })];
  if (error.hint) words.push(make("p", { textContent: error.hint }));
  $("trouble").replaceChildren(...words);
  $("trouble").hidden = false;
}

const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const sized = (size) =>
  size < 1e6 ? `${bytes.format(size / 1e3)} kB` : `${bytes.format(size / 1e6)} MB`;
const when = (time) => (time ? new Date(time).toLocaleString() : "");
const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);

// What stands in the place of a prompt, and whether that is bad news.
function absence(image) {
  if (image.state === "settling") return ["Still being written", false];
  if (image.state !== "present") return [image.reason || `This file is ${image.state}`, true];
  const job = image.job;
  if (job?.state === "dead") return [job.error || "No prompt could be made", true];
  if (job?.state === "leased") return ["Being interrogated", false];
  if (job?.state === "ready") return [job.error ? `Tried, and will be again: ${job.error}` : "Waiting to be interrogated", false];
  return ["No prompt", false];
}

// --- the list ----------------------------------------------------------------------------------

const cards = new Map();

function drawCard(image) {
  const old = cards.get(image.id);
  const drawn = JSON.stringify([image.revision, image.state, image.reason, image.prompt, image.job]);
  if (old?.drawn === drawn) return old.element;
  const element = old?.element ?? make("li");
  const hadFocus = element.contains(document.activeElement);
  element.replaceChildren(card(image));
  if (hadFocus) element.firstElementChild.focus();
  cards.set(image.id, { drawn, element });
  return element;
}

function card(image) {
  const text = image.prompt?.text;
  const [missing, bad] = absence(image);
  const frame = make("div", { className: "frame" });
  if (image.state === "present") frame.append(thumbnail(image));
  if (image.prompt?.type === "clip_generated") {
    frame.append(make("span", { className: "badge", textContent: "generated" }));
  }
  const words = text
    ? make("p", { textContent: text })
    : make("p", { textContent: missing, className: bad ? "none bad" : "none" });
  return make("a", { className: "card", href: address({ image: image.id }) }, frame, words);
}

function thumbnail(image) {
  const source = (size) => `${image.links.thumbnail}?size=${size}`;
  const picture = make("img", { alt: fileName(image.path), loading: "lazy", decoding: "async" });
  picture.addEventListener("error", () => picture.classList.add("broken"));
  picture.srcset = `${source(320)} 1x, ${source(640)} 2x`;
  picture.src = source(320);
  return picture;
}

function drawList() {
  const wanted = view.images.map(drawCard);
  wanted.forEach((element, at) => {
    const there = $("grid").children[at];
    if (there !== element) $("grid").insertBefore(element, there ?? null);
  });
  while ($("grid").children.length > wanted.length) $("grid").lastElementChild.remove();
  const shown = new Set(view.images.map((image) => image.id));
  for (const id of cards.keys()) if (!shown.has(id)) cards.delete(id);
}

function drawSummary(page) {
  const count = view.cursor ? (page.total ?? view.images.length) : view.images.length;
  const isExact = !view.cursor || page.total_is_exact;
  const about = isExact ? "" : page.total === null ? "more than " : "about ";
  const noun = count === 1 ? "image" : "images";
  $("summary").textContent = count ? `${about}${count.toLocaleString()} ${noun}` : "";
  const empty = view.query
    ? "No prompt says that. Fewer words find more."
    : "No images yet. They appear here as soon as they are in a watched folder.";
  show($("empty"), view.images.length ? "" : empty);
}

// The list after a look at its top: what was loaded further down stays.
function merged(old, fresh) {
  const ids = new Set(fresh.map((image) => image.id));
  const last = old.findLastIndex((image) => ids.has(image.id));
  return last < 0 ? null : [...fresh, ...old.slice(last + 1)];
}

const listing = (parameters) =>
  get(`${API}/images`, view.query ? { q: view.query, ...parameters } : parameters);

async function search(query) {
  view.query = query;
  const asked = ++view.asked;
  try {
    const page = await listing({ limit: PAGE });
    if (asked !== view.asked) return;
    takeList(page, page.images, page.next_cursor);
    $("trouble").hidden = true;
    view.wrong = false;
  } catch (error) {
    if (asked !== view.asked) return;
    showTrouble(error);
    view.wrong = error.status === 400;
  }
  $("query").ariaInvalid = String(view.wrong);
  loadMore();
}

function takeList(page, images, cursor) {
  view.images = images;
  view.cursor = cursor;
  drawList();
  drawSummary(page);
}

async function loadMore() {
  if (view.loading || !view.cursor || !endIsNear()) return;
  view.loading = true;
  const asked = view.asked;
  try {
    const page = await listing({ limit: PAGE, cursor: view.cursor });
    if (asked === view.asked) {
      const known = new Set(view.images.map((image) => image.id));
      const further = page.images.filter((image) => !known.has(image.id));
      takeList(page, [...view.images, ...further], page.next_cursor);
    }
  } catch (error) {
    showTrouble(error);
    return;
  } finally {
    view.loading = false;
  }
  requestAnimationFrame(loadMore);
}

const endIsNear = () => $("end").getBoundingClientRect().top < innerHeight * 2;

async function refreshList() {
  if (view.wrong) return;
  if (!$("trouble").hidden) return search(view.query);
  const asked = view.asked;
  const limit = Math.min(Math.max(view.images.length, PAGE), MOST_REFRESHED);
  const page = await listing({ limit });
  if (asked !== view.asked || view.loading) return;
  const isNew = page.images[0]?.id !== view.images[0]?.id;
  if (isNew && scrollY > NEAR_TOP) {
    $("fresh").hidden = false;
    return;
  }
  const images = merged(view.images, page.images);
  takeList(page, images ?? page.images, images ? view.cursor : page.next_cursor);
}

// --- one image ---------------------------------------------------------------------------------

let opened = null; // the id that the dialog shows

async function openImage(id) {
  opened = id;
  const at = view.images.findIndex((image) => image.id === id);
  $("newer").disabled = at <= 0;
  $("older").disabled = at < 0 || at === view.images.length - 1;
  try {
    const [image, { prompts }] = await Promise.all([
      get(`${API}/images/${id}`),
      get(`${API}/prompts/image/${id}`),
    ]);
    if (opened !== id) return;
    drawImage(image, prompts);
    if (!$("detail").open) $("detail").showModal();
  } catch (error) {
    showTrouble(error);
    go({ image: null });
  }
}

function closeImage() {
  const id = opened;
  opened = null;
  if ($("detail").open) $("detail").close();
  cards.get(id)?.element.firstElementChild.focus({ preventScroll: false });
}

function drawImage(image, prompts) {
  if ($("picture").getAttribute("src") !== image.links.file) $("picture").src = image.links.file;
  $("picture").alt = fileName(image.path);
  $("original").href = image.links.file;
  const current = prompts.find((prompt) => prompt.current);
  const others = prompts.filter((prompt) => prompt !== current);
  $("facts").replaceChildren(
    ...promptSections(image, current),
    ...tagSection(image.tags),
    ...factSection("Parameters", Object.entries(current?.parameters ?? {})),
    ...factSection("File", fileFacts(image)),
    ...others.map((prompt) => textSection(titleOf(prompt), prompt.text)),
  );
  $("facts").scrollTop = 0;
}

function promptSections(image, prompt) {
  if (!prompt) {
    const [text, bad] = absence(image);
    const words = make("p", { className: bad ? "none bad text" : "none text", textContent: text });
    return [make("section", {}, make("h2", { textContent: "Prompt" }), words)];
  }
  const sections = [textSection(titleOf(prompt), prompt.text)];
  if (prompt.negative) sections.push(textSection("Negative", prompt.negative, "negative"));
  for (const part of prompt.parts) {
    sections.push(textSection(part.role, part.prompt));
    if (part.negative) sections.push(textSection(`${part.role}, negative`, part.negative, "negative"));
  }
  return sections;
}

const ORIGINS = {
  embedded: "Prompt",
  inherited: "Prompt, from the same picture",
  sidecar: "Prompt, from the text file beside it",
  manual: "Prompt, entered by hand",
  clip_generated: "Generated",
};

function titleOf(prompt) {
  const by = [prompt.model, prompt.backend].filter(Boolean).join(" on ");
  const title = ORIGINS[prompt.type] ?? prompt.type;
  return prompt.type === "clip_generated" && by ? `${title} by ${by}` : title;
}

function textSection(title, text, kind = "") {
  const copy = make("button", { type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
  });
  const heading = make("h2", {}, title);
  if (navigator.clipboard) heading.append(copy);
  return make("section", {}, heading, make("p", { className: `text ${kind}`, textContent: text }));
}

function factSection(title, facts) {
  const told = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (!told.length) return [];
  const rows = told.flatMap(([name, value]) => [
    make("dt", { textContent: name.replaceAll("_", " ") }),
    make("dd", { textContent: typeof value === "object" ? JSON.stringify(value) : String(value) }),
  ]);
  return [make("section", {}, make("h2", { textContent: title }), make("dl", {}, ...rows))];
}

function fileFacts(image) {
  const job = image.job;
  return [
    ["path", image.path],
    ["also at", image.locations.slice(1).map((each) => each.path).join("\n")],
    ["size", image.width ? `${image.width} × ${image.height}, ${sized(image.size)}` : sized(image.size)],
    ["format", image.format],
    ["generator", image.generator],
    ["made", when(image.created_at)],
    ["state", image.state === "present" ? "" : image.state],
    ["reason", image.reason],
    ["interrogation", job && (job.attempts ? `${job.state}, ${job.attempts} tried` : job.state)],
    ["next try", when(job?.next_try_at)],
    ["error", job?.error],
  ];
}

function tagSection(tags) {
  if (!tags.length) return [];
  const list = tags.map((tag) => {
    const button = make("button", { type: "button", textContent: tag.name });
    button.addEventListener("click", () => go({ q: `"${tag.name.replaceAll('"', " ")}"`, image: null }));
    return make("li", {}, button);
  });
  const heading = make("h2", { textContent: "Tags" });
  return [make("section", {}, heading, make("ul", { className: "tags" }, ...list))];
}

function step(by) {
  const at = view.images.findIndex((image) => image.id === opened);
  const next = view.images[at + by];
  if (at >= 0 && next) go({ image: next.id }, { replace: true });
}

// --- status ------------------------------------------------------------------------------------

function pill(element, tone, text, title = "") {
  show(element, text);
  element.dataset.tone = tone;
  element.title = title;
}

async function refreshQueue() {
  const queue = await get(`${API}/queue`);
  const waiting = Object.values(queue.ready).reduce((sum, count) => sum + count, queue.leased);
  const dead = queue.dead ? `, ${queue.dead.toLocaleString()} failed` : "";
  const title = queue.waits_for ? `Waits: ${queue.waits_for}` : "";
  if (queue.paused) pill($("queue"), "wait", `paused, ${waiting} waiting${dead}`, title);
  else if (waiting) pill($("queue"), "wait", `${waiting.toLocaleString()} to interrogate${dead}`, title);
  else pill($("queue"), dead ? "bad" : "good", `up to date${dead}`);
}

async function refreshBackend() {
  const { enabled, available, backends } = await get(`${API}/clip/health`);
  const title = backends
    .map((each) => [each.name, each.url, each.reason, each.hint].filter(Boolean).join(" · "))
    .join("\n");
  if (!enabled) pill($("backend"), "off", "interrogation is off", title);
  else if (!available) pill($("backend"), "bad", "no back end in reach", title);
  else if (backends.every((each) => each.busy || !each.available)) pill($("backend"), "wait", "back end is busy", title);
  else pill($("backend"), "good", "back end is ready", title);
}

// Repeat while the page is looked at; a daemon that does not answer is said once and asked again.
function every(milliseconds, work) {
  async function turn() {
    try {
      if (!document.hidden && !$("login").open) await work();
    } catch (error) {
      if (error instanceof TypeError) pill($("queue"), "bad", "clipwatch does not answer");
    }
    setTimeout(turn, milliseconds);
  }
  turn();
}

// --- the address: #q=...&image=... ---------------------------------------------------------------

const here = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

function address(change) {
  const next = { ...here(), ...change };
  for (const name of Object.keys(next)) if (!next[name]) delete next[name];
  return `#${new URLSearchParams(next)}`;
}

function go(change, { replace = false } = {}) {
  const next = address(change);
  if (replace) location.replace(next);
  else location.hash = next;
}

async function arrive({ first = false } = {}) {
  const { q = "", image = null } = here();
  if (first || q !== view.query) {
    $("query").value = q;
    scrollTo(0, 0);
    await search(q);
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
  if (q === view.query) search(q);
  else go({ q });
});
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

await arrive({ first: true });
every(QUEUE_MS, refreshQueue);
every(BACKEND_MS, refreshBackend);
setTimeout(() => every(LIST_MS, refreshList), LIST_MS);
