// placeholder
import { html } from "./vendor/preact-htm.js";
export const Settings = ({ name }) => html`<h1>${name}</h1>`;
