// Talking to the daemon, and its token.

import { $ } from "./pieces.js";

export const API = "/api/v1";

// Kept for this tab alone, and through its reloads: the cookie, which all of them share, is good for
// reading only.
const KEPT = "clipwatch token";
let token = storedToken();
let again = null; // what to do once the token is known

export const ABSENT = 0; // the status of a daemon that does not answer at all

class Problem extends Error {
  constructor(status, told = {}) {
    super(told.detail || `The server answered ${status}.`);
    this.status = status;
    this.hint = told.hint || "";
    this.token = told.token ?? "";
    this.at = told.at ?? null; // where the token stands in the search, in characters
  }
}

export async function get(path, parameters = {}, options = {}) {
  const query = new URLSearchParams(parameters).toString();
  return read(await reach(query ? `${path}?${query}` : path, options));
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = "clipwatch does not answer.";
    throw new Problem(ABSENT, { detail, hint: "Once it runs again this page goes on by itself." });
  }
}

// Change something. Where the token is needed it is asked for, and the change is made then.
export async function send(method, path) {
  const headers = { "Content-Type": "application/json" };
  if (token) headers.Authorization = `Bearer ${asBytes(token)}`;
  const answer = await reach(path, { method, headers, body: "{}" });
  if (answer.status !== 401) return read(answer);
  keepToken(""); // it is another one by now
  return new Promise((resolve, reject) => {
    askForToken(() => send(method, path).then(resolve, reject));
  });
}

// A browser that stores nothing at all throws; then the token is asked for after each reload.
function storedToken() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function keepToken(given) {
  token = given;
  try {
    if (given) sessionStorage.setItem(KEPT, given);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // as above
  }
}

// A header holds bytes, one a character, and the daemon reads them as UTF-8.
const asBytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));

async function read(answer) {
  if (answer.ok) return answer.json();
  if (answer.status === 401) askForToken();
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

function askForToken(then = null) {
  again = then;
  if (!$("login").open) $("login").showModal();
}

export async function logIn(event) {
  event.preventDefault();
  const given = $("token").value;
  try {
    const answer = await reach("/session", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: given }),
    });
    if (!answer.ok) await read(answer);
  } catch (error) {
    $("login-trouble").textContent = error.message;
    $("login-trouble").hidden = false;
    return;
  }
  keepToken(given);
  if (!again) return location.reload();
  $("token").value = "";
  $("login").close();
  again();
}
