// placeholder
import { html } from "./vendor/preact-htm.js";
export const Poison = ({ name }) => html`<h1>${name}</h1>`;
