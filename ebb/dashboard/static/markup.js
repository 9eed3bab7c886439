// Preact with htm: what the pages are written in. Everything of Preact comes from here.

import { h } from "./vendor/preact-htm.js";
import htm from "./vendor/htm.js";

export * from "./vendor/preact-htm.js";

/**
 * Elements from a template. Of htm's own accord one without a value in it would be made once and kept; Preact writes into
 * it where it was first drawn, so that the page as it was then, and all that follows from it, would never be let go.
 */
export const html = htm.bind(function (...parts) {
  this[0] = 3; // htm's sign for: make it again
  return h(...parts);
});
