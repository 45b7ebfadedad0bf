// What is said where there is no image to show, and what to do about it.

import { go } from "./address.js";
import { API, get } from "./daemon.js";
import { $, make } from "./pieces.js";
import { termsOf, without } from "./terms.js";

const MOST = 6;

let drawn = null; // the search that it stands for

export function drawEmpty(query, isEmpty) {
  $("empty").hidden = !isEmpty;
  if (!isEmpty) drawn = null;
  if (!isEmpty || drawn === query) return;
  drawn = query;
  if (query) $("empty").replaceChildren(...nothingFound(query));
  else drawNoImages();
}

function nothingFound(query) {
  const terms = [...new Set(termsOf(query))].filter((term) => !/^(OR|AND|NOT|\|)$/.test(term));
  const words = [make("p", { textContent: "No image has all of that." })];
  if (terms.length > 1) {
    const buttons = terms.slice(0, MOST).map((term) => {
      const button = make("button", { type: "button" }, "without ", make("q", { textContent: term }));
      button.addEventListener("click", () => go({ q: without(query, term) }));
      return make("li", {}, button);
    });
    words.push(make("ul", { className: "chips" }, ...buttons));
  }
  const all = make("button", { type: "button", textContent: "Show all images" });
  all.addEventListener("click", () => go({ q: null }));
  const hint = "sun* finds words that begin so; model:, tag: or created: followed by a value, what the picture was made with and when.";
  return [...words, make("p", { textContent: hint }), all];
}

async function drawNoImages() {
  const text = "No images yet. They appear here as soon as they are in a watched folder.";
  $("empty").replaceChildren(make("p", { textContent: text }));
  try {
    const { roots } = await get(`${API}/roots`);
    if (drawn === "") $("empty").append(make("dl", {}, ...roots.flatMap(rootRow)));
  } catch (error) {
    $("empty").append(make("p", { textContent: error.message }));
  }
}

function rootRow({ path, state, hint }) {
  return [make("dt", { textContent: path }), make("dd", { textContent: hint ? `${state}: ${hint}` : state })];
}
