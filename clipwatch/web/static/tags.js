// Tags of one image, and those that people give it: favourite is one.

import { go } from "./address.js";
import { API, send } from "./daemon.js";
import { make, showTrouble } from "./pieces.js";

const FAVOURITE = "favourite";

const isManual = (tag) => tag.origin === "manual";

export const isFavourite = (image) =>
  image.tags.some((tag) => isManual(tag) && tag.name === FAVOURITE);

// The button that says and changes whether an image is a favourite.
export function favouriteButton(image, changed) {
  const button = make("button", { type: "button", className: "star", ariaLabel: "Favourite" });
  drawFavourite(button, image, changed);
  return button;
}

export function drawFavourite(button, image, changed) {
  const draw = () => {
    button.ariaPressed = String(isFavourite(image));
    button.textContent = isFavourite(image) ? "\u2605" : "\u2606";
    button.title = isFavourite(image) ? "A favourite" : "Make it a favourite";
  };
  button.onclick = async () => {
    if (await setTag(image, FAVOURITE, !isFavourite(image))) {
      draw();
      changed(image);
    }
  };
  draw();
}

// Whether it could be done; what was in the way is shown.
async function setTag(image, name, wanted) {
  const path = `${API}/images/${image.id}/tags/${encodeURIComponent(name)}`;
  try {
    const { tags } = await send(wanted ? "PUT" : "DELETE", path);
    const given = tags.map((each) => ({ name: each, category: "general", score: null, origin: "manual" }));
    image.tags = [...image.tags.filter((tag) => !isManual(tag)), ...given];
  } catch (error) {
    showTrouble(error);
    return false;
  }
  return true;
}

export function tagSection(image, changed) {
  const section = make("section", {}, make("h2", { textContent: "Tags" }));
  const list = make("ul", { className: "tags" });
  const draw = () => list.replaceChildren(...image.tags.map((tag) => tagItem(tag, remove)));
  const remove = async (tag) => {
    if (await setTag(image, tag.name, false)) {
      draw();
      changed(image);
    }
  };
  const name = make("input", { type: "text", placeholder: "Add a tag", ariaLabel: "Add a tag", maxLength: 100 });
  const form = make("form", { className: "add-tag" }, name);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (name.value.trim() && (await setTag(image, name.value, true))) {
      name.value = "";
      draw();
      changed(image);
    }
  });
  section.append(list, form);
  draw();
  return section;
}

function tagItem(tag, remove) {
  const search = make("button", { type: "button", textContent: tag.name });
  const term = `tag:"${tag.name.replaceAll(/(["\\])/g, "\\$1")}"`;
  search.addEventListener("click", () => go({ q: term, image: null }));
  const item = make("li", {}, search);
  if (isManual(tag)) {
    const away = make("button", { type: "button", textContent: "\u2715", ariaLabel: `Take away ${tag.name}` });
    away.addEventListener("click", () => remove(tag));
    item.className = "own";
    item.append(away);
  }
  return item;
}
