// How much is to be interrogated, and how the back ends are.

import { API, get } from "./daemon.js";
import { $, show } from "./pieces.js";

function pill(element, tone, text, title = "") {
  show(element, text);
  element.dataset.tone = tone;
  element.title = title;
}

export async function refreshQueue() {
  const queue = await get(`${API}/queue`);
  const waiting = Object.values(queue.ready).reduce((sum, count) => sum + count, queue.leased);
  const dead = queue.dead ? `, ${queue.dead.toLocaleString()} failed` : "";
  const title = queue.waits_for ? `Waits: ${queue.waits_for}` : "";
  if (queue.paused) pill($("queue"), "wait", `paused, ${waiting} waiting${dead}`, title);
  else if (waiting) pill($("queue"), "wait", `${waiting.toLocaleString()} to interrogate${dead}`, title);
  else pill($("queue"), dead ? "bad" : "good", `up to date${dead}`);
}

// Without a daemon nobody knows how the back ends are.
export function drawAbsence() {
  pill($("queue"), "bad", "clipwatch does not answer");
  pill($("backend"), "off", "");
}

export async function refreshBackend() {
  const { enabled, available, backends } = await get(`${API}/clip/health`);
  const title = backends
    .map((each) => [each.name, each.url, each.reason, each.hint].filter(Boolean).join(" · "))
    .join("\n");
  if (!enabled) pill($("backend"), "off", "interrogation is off", title);
  else if (!available) pill($("backend"), "bad", "no back end in reach", title);
  else if (backends.every((each) => each.busy || !each.available)) pill($("backend"), "wait", "back end is busy", title);
  else pill($("backend"), "good", "back end is ready", title);
}
