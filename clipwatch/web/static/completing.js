// Completion in the search box: a combobox as WAI-ARIA describes it. Arrows choose, Enter and Tab
// take what is chosen, Escape closes.

import { API, get } from "./daemon.js";
import { make } from "./pieces.js";

const PAUSE_MS = 120; // in typing, after which it is asked
const LONGEST = 2000; // characters that are sent along

export function completeIn(input, list) {
  let candidates = [];
  let span = [0, 0]; // what a candidate replaces, in characters
  let active = -1;
  let timer = 0;
  let asking = null;

  async function ask() {
    asking?.abort();
    asking = new AbortController();
    const text = input.value;
    const at = Array.from(text.slice(0, input.selectionStart)).length;
    if (text.length > LONGEST) return close();
    try {
      const told = await get(`${API}/complete`, { q: text, at }, { signal: asking.signal });
      if (document.activeElement === input && input.value === text) draw(told);
    } catch (error) {
      if (error.name !== "AbortError") close(); // the search itself will say what is wrong
    }
  }

  function draw(told) {
    span = [told.start, told.end];
    const there = Array.from(input.value).slice(...span).join("");
    candidates = told.candidates.filter((each) => each.text !== there);
    list.replaceChildren(...candidates.map(option));
    list.hidden = candidates.length === 0;
    input.ariaExpanded = String(!list.hidden);
    choose(-1);
  }

  function option({ label, count, help }, number) {
    const aside = count === null ? help : count.toLocaleString();
    const item = make("li", { id: `candidate-${number}`, role: "option" }, make("span", { textContent: label }));
    item.append(make("span", { className: "aside", textContent: aside }));
    item.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
    item.addEventListener("click", () => take(number));
    return item;
  }

  function choose(number) {
    list.children[active]?.setAttribute("aria-selected", "false");
    active = number;
    const item = list.children[active];
    item?.setAttribute("aria-selected", "true");
    item?.scrollIntoView({ block: "nearest" });
    if (item) input.setAttribute("aria-activedescendant", item.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function take(number) {
    const { text, kind } = candidates[number];
    const letters = Array.from(input.value);
    const before = letters.slice(0, span[0]).join("");
    const after = letters.slice(span[1]).join("");
    const goesOn = kind === "field";
    const put = before + text + (goesOn || after ? "" : " ");
    input.value = put + after;
    input.setSelectionRange(put.length, put.length);
    close();
    if (goesOn) ask();
  }

  function close() {
    clearTimeout(timer);
    asking?.abort();
    candidates = [];
    list.hidden = true;
    input.ariaExpanded = "false";
    choose(-1);
  }

  function onKey(event) {
    const isOpen = !list.hidden;
    const count = candidates.length;
    if (event.key === "ArrowDown" && !isOpen) ask();
    else if (event.key === "ArrowDown") choose(active + 1 < count ? active + 1 : -1);
    else if (event.key === "ArrowUp" && isOpen) choose(active < 0 ? count - 1 : active - 1);
    else if (event.key === "Escape" && isOpen) close();
    else if ((event.key === "Enter" || event.key === "Tab") && active >= 0) take(active);
    else {
      if (event.key === "Enter") close();
      return;
    }
    event.preventDefault();
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
}
