// Small pieces of page. Whatever an image or a server says is put on it as text, never as markup.

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Text that stays the same is not set again: a screen reader would read it out each time.
export function show(element, text) {
  element.hidden = !text;
  if (element.textContent !== (text || "")) element.textContent = text || "";
}

// What went wrong; a search that cannot be understood is shown with its fault marked.
export function showTrouble(error, query = "") {
  const words = [make("p", { textContent: error.message })];
  if (error.at !== null && error.token) words.push(marked(query, error.at, error.token));
  if (error.hint) words.push(make("p", { textContent: error.hint }));
  // The dialog covers what stands on the page.
  const place = $($("detail").open ? "detail-trouble" : "trouble");
  place.replaceChildren(...words);
  place.hidden = false;
}

function marked(query, at, token) {
  const letters = Array.from(query);
  const end = at + Array.from(token).length;
  const text = (from, to) => letters.slice(from, to).join("");
  const mark = make("mark", { textContent: text(at, end) });
  return make("p", { className: "asked" }, text(0, at), mark, text(end));
}

const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
export const sized = (size) =>
  size < 1e6 ? `${bytes.format(size / 1e3)} kB` : `${bytes.format(size / 1e6)} MB`;
export const when = (time) => (time ? new Date(time).toLocaleString() : "");
export const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);

// What stands in the place of a prompt, and whether that is bad news.
export function absence(image) {
  if (image.state === "settling") return ["Still being written", false];
  if (image.state !== "present") return [image.reason || `This file is ${image.state}`, true];
  const job = image.job;
  if (job?.state === "dead") return [job.error || "No prompt could be made", true];
  if (job?.state === "leased") return ["Being interrogated", false];
  if (job?.state === "ready") return [job.error ? `Tried, and will be again: ${job.error}` : "Waiting to be interrogated", false];
  return ["No prompt", false];
}
