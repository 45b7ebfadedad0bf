// The list of images: what was found, further pages, and what is new.

import { address } from "./address.js";
import { API, get } from "./daemon.js";
import { refreshFacets } from "./facets.js";
import { absence, $, fileName, make, show, showTrouble } from "./pieces.js";
import { favouriteButton, isFavourite } from "./tags.js";
import { drawEmpty } from "./empty.js";

const PAGE = 60;
const MOST_REFRESHED = 500; // the server's largest page
const NEAR_TOP = 300; // pixels

export const view = {
  query: "",
  sort: "", // "" is what the search says, else newest first
  images: [],
  cursor: null, // where the list goes on; null at its end
  counted: [0, false], // how many there are, and whether these are all
  loading: false,
  wrong: false, // the search cannot be understood, and is not tried again by itself
  asked: 0, // counts listings, so that a late answer to an old search is dropped
};

const cards = new Map();

function drawCard(image) {
  const old = cards.get(image.id);
  const shown = [image.revision, image.state, image.reason, image.prompt, image.job];
  const drawn = JSON.stringify([...shown, isFavourite(image)]);
  if (old?.drawn === drawn) return old.element;
  const element = old?.element ?? make("li");
  const focused = [...element.children].indexOf(document.activeElement);
  element.replaceChildren(card(image), favouriteButton(image, retag));
  element.children[focused]?.focus();
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

// An image's tags have changed, here or in the dialog.
export function retag(image) {
  const listed = view.images.find((each) => each.id === image.id);
  if (listed) listed.tags = image.tags;
  drawList();
}

export const cardOf = (id) => cards.get(id)?.element.firstElementChild;

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
  const loaded = view.images.length;
  const isNew = loaded <= page.images.length; // a further page may not be counted
  if (isNew || page.total !== null) view.counted = [page.total ?? 0, page.total_is_exact];
  const [total, isExact] = view.cursor ? view.counted : [loaded, true];
  const count = Math.max(total, loaded);
  const more = isExact ? "" : "+";
  const noun = count === 1 && !more ? "image" : "images";
  const none = view.query ? "nothing found" : "";
  show($("summary"), count ? `${count.toLocaleString()}${more} ${noun}` : none);
  drawEmpty(view.query, view.images.length === 0);
}

// The list after a look at its top: what was loaded further down stays.
function merged(old, fresh) {
  const ids = new Set(fresh.map((image) => image.id));
  const last = old.findLastIndex((image) => ids.has(image.id));
  return last < 0 ? null : [...fresh, ...old.slice(last + 1)];
}

const listing = (parameters) => {
  const asked = { q: view.query, sort: view.sort, ...parameters };
  const given = Object.entries(asked).filter(([, value]) => value);
  return get(`${API}/images`, Object.fromEntries(given));
};

export async function search(query, sort = view.sort) {
  view.query = query;
  view.sort = sort;
  const asked = ++view.asked;
  try {
    const page = await listing({ limit: PAGE });
    if (asked !== view.asked) return;
    takeList(page, page.images, page.next_cursor);
    $("trouble").hidden = true;
    view.wrong = false;
  } catch (error) {
    if (asked !== view.asked) return;
    showTrouble(error, query);
    view.wrong = error.status === 400;
  }
  $("query").ariaInvalid = String(view.wrong);
  if (!view.wrong) refreshFacets(query);
  loadMore();
}

function takeList(page, images, cursor) {
  view.images = images;
  view.cursor = cursor;
  drawList();
  drawSummary(page);
}

export async function loadMore() {
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

export async function refreshList() {
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
