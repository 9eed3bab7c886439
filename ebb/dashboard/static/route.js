// The page and its state in the address, behind the #: `#/schedules/parity/poison?search=x`.

import { cell, useCell } from "./live.js";

const read = () => {
  const [path, query] = location.hash.replace(/^#/, "").split("?");
  const parts = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(query || "") };
};

const present = cell(read());
addEventListener("hashchange", () => present.set(read()));
/** Read the address again, after it was replaced in place. */
export const reread = () => present.set(read());

/** The present route: {parts, query}. */
export const useRoute = () => useCell(present);

/** The address of a page. `query` members that are null or empty are left out. */
export function to(parts, query = {}) {
  const path = parts.map(encodeURIComponent).join("/");
  const kept = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return `#/${path}${kept.length ? `?${new URLSearchParams(kept)}` : ""}`;
}

/** Change members of the present query in place: the state of a page is not a step back. */
export function amend(changes) {
  const query = Object.fromEntries(present.value.query);
  history.replaceState(null, "", to(present.value.parts, { ...query, ...changes }));
  reread();
}
