// What the images that were found have, as chips that narrow the search.

import { go } from "./address.js";
import { API, get } from "./daemon.js";
import { $, make } from "./pieces.js";
import { hasTerm, without } from "./terms.js";

const TITLES = {
  model: "Model",
  lora: "LoRA",
  tag: "Tags",
  type: "Prompt from",
  rating: "Rating",
  sampler: "Sampler",
  generator: "Generator",
  created: "Month",
};
const FIRST = 8; // of each, before somebody asks for more

let asked = 0;

// Counted only while they are looked at.
export async function refreshFacets(query) {
  if (!$("refine").open) return;
  const mine = ++asked;
  try {
    const told = await get(`${API}/facets`, query ? { q: query } : {});
    if (mine === asked) drawFacets(query, told);
  } catch (error) {
    $("sample").textContent = error.message;
    $("facets").replaceChildren();
  }
}

function drawFacets(query, { base, facets, exact, sample_size: size }) {
  const images = `${size.toLocaleString()} ${size === 1 ? "image" : "images"}`;
  $("sample").textContent = exact ? `Counted in ${images}` : `Counted in the newest ${images}`;
  const groups = Object.entries(TITLES).filter(([name]) => facets[name].length);
  $("facets").replaceChildren(
    ...groups.map(([name, title]) => group(title, facets[name], query, base)),
  );
}

function group(title, values, query, base) {
  const list = make("ul", { className: "chips", ariaLabel: title });
  const draw = (shown) => list.replaceChildren(...shown.map((each) => chip(each, query, base)));
  draw(values.slice(0, FIRST));
  const section = make("section", {}, make("h2", { textContent: title }), list);
  if (values.length > FIRST) {
    const more = make("button", { type: "button", className: "more", textContent: "more" });
    more.addEventListener("click", () => {
      draw(values);
      more.remove();
      list.children[FIRST].firstElementChild.focus();
    });
    section.append(more);
  }
  return section;
}

function chip({ value, images, term }, query, base) {
  const isOn = hasTerm(query, term);
  const count = make("span", { className: "count", textContent: images.toLocaleString() });
  const name = make("span", { className: "value", textContent: value });
  const take = make("button", { type: "button", ariaPressed: String(isOn), title: value }, name, " ", count);
  take.addEventListener("click", () =>
    go({ q: isOn ? without(query, term) : `${base} ${term}`.trim() }),
  );
  const item = make("li", {}, take);
  if (!isOn) {
    const leave = make("button", { type: "button", textContent: "\u2212", title: `Without ${value}`, ariaLabel: `Without ${value}` });
    leave.addEventListener("click", () => go({ q: `${base} -${term}`.trim() }));
    item.append(leave);
  }
  return item;
}
