// One image, in a dialog above the list.

import { go } from "./address.js";
import { API, get } from "./daemon.js";
import { cardOf, retag, view } from "./list.js";
import { absence, $, fileName, make, showTrouble, sized, when } from "./pieces.js";
import { drawFavourite, tagSection } from "./tags.js";

let opened = null; // the id that the dialog shows

export async function openImage(id) {
  opened = id;
  $("detail-trouble").hidden = true;
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
    closeImage();
    showTrouble(error);
    go({ image: null });
  }
}

export function closeImage() {
  const id = opened;
  opened = null;
  if ($("detail").open) $("detail").close();
  cardOf(id)?.focus({ preventScroll: false });
}

function drawImage(image, prompts) {
  if ($("picture").getAttribute("src") !== image.links.file) $("picture").src = image.links.file;
  $("picture").alt = fileName(image.path);
  $("original").href = image.links.file;
  drawTags(image);
  const current = prompts.find((prompt) => prompt.current);
  const others = prompts.filter((prompt) => prompt !== current);
  $("facts").replaceChildren(
    ...promptSections(image, current),
    tagging,
    ...factSection("Parameters", Object.entries(current?.parameters ?? {})),
    ...factSection("File", fileFacts(image)),
    ...others.map((prompt) => textSection(titleOf(prompt), prompt.text)),
  );
  $("facts").scrollTop = 0;
}

let tagging = null; // the section with the image's tags

// The star and the tags show the same: what changes one of them changes the other.
function drawTags(image) {
  const changed = () => {
    retag(image);
    drawFavourite($("favourite"), image, starred);
  };
  const starred = () => {
    retag(image);
    const old = tagging;
    tagging = tagSection(image, changed);
    old.replaceWith(tagging);
  };
  tagging = tagSection(image, changed);
  drawFavourite($("favourite"), image, starred);
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

export function step(by) {
  const at = view.images.findIndex((image) => image.id === opened);
  const next = view.images[at + by];
  if (at >= 0 && next) go({ image: next.id }, { replace: true });
}
