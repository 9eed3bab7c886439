// Calls of the HTTP API: adds the key, keeps track of whether the app answers, and says in words what went wrong.

import { cell } from "./live.js";

const BASE = new URL("../", location.href.split("#")[0]); // .../api/dashboard/ lies below the API
const KEY = "ebb.key";
const PATIENCE = 20_000; // milliseconds

/** Whether the app answers. */
export const answering = cell(true);
/** What the app said of the caller: the document of GET /api/access; `denied` names the reason where it let nobody in. */
export const access = cell({ mayChange: false, denied: null });
/** Counts up with each new key, so that whatever waits for one asks again. */
export const keyed = cell(0);

/** A call that was not answered as wanted. `status` is 0 where there was no answer at all. */
export class Problem extends Error {
  constructor(status, text, document) {
    super(text);
    this.status = status;
    this.document = document || {};
    this.code = this.document.code;
  }
}

/** Take the key out of the address, where `ebb dashboard` puts it, before anything else can see it. */
export function takeKey() {
  const found = /^#key=([^&]+)&?(.*)$/.exec(location.hash);
  if (!found) return;
  keep(decodeURIComponent(found[1]));
  history.replaceState(null, "", `#${found[2] || "/"}`);
}

/** Use this key from now on, in this tab alone. */
export function signInWith(key) {
  keep(key);
  access.set({ mayChange: false, denied: null });
  keyed.set(keyed.value + 1);
}

/** Ask who the caller is; what the page offers follows from it. */
export async function askAccess() {
  try {
    access.set({ ...(await call("GET", "access")).data, denied: null });
  } catch (problem) {
    if (problem.status !== 401 && problem.status !== 403) setTimeout(askAccess, 3000);
  }
}

/** One call; `path` begins behind `/api/`. Gives {status, data, etag}; 304 has no data. Throws Problem. */
export async function call(method, path, { body, etag, match, reason, signal } = {}) {
  const headers = { Accept: "application/json" };
  const key = sessionStorage.getItem(KEY);
  if (key) headers["x-functions-key"] = key;
  if (etag) headers["If-None-Match"] = etag;
  if (match) headers["If-Match"] = match;
  if (reason) headers["ebb-reason"] = encodeURIComponent(reason);
  if (method !== "GET") headers["Content-Type"] = "application/json";
  const answer = await send(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 304) return { status: 304, etag };
  const data = await answer.json().catch(() => null);
  if (answer.ok && data) return { status: answer.status, data, etag: answer.headers.get("ETag") };
  throw refused(answer.status, data, `${method} ${path}`);
}

async function send(path, options) {
  const patience = AbortSignal.timeout(PATIENCE);
  const signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
  let answer;
  try {
    answer = await fetch(new URL(path, BASE), { ...options, signal, cache: "no-store", credentials: "same-origin", redirect: "manual" });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    answering.set(false);
    throw new Problem(0, "the app does not answer");
  }
  answering.set(![502, 504].includes(answer.status));
  // The sign-in before the app sends whoever is not signed in (any more) to another site.
  if (answer.type === "opaqueredirect") throw refused(401, { code: "notSignedIn" }, path);
  return answer;
}

function refused(status, document, what) {
  const problem = new Problem(status, document?.detail || document?.title || `${what}: ${status}`, document);
  if (status === 401 || problem.code === "notAllowed") {
    access.set({ ...access.value, mayChange: false, denied: denial(problem) });
  }
  return problem;
}

function denial(problem) {
  if (problem.code === "notSignedIn" || problem.code === "notAllowed") return problem.code;
  return sessionStorage.getItem(KEY) ? "wrongKey" : "noKey";
}

function keep(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}
