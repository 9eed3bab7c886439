// A form made from the JSON schema of the settings: which control a setting gets, and its value as text and back.

import { html } from "./markup.js";
import { plain } from "./words.js";

/** What kind of control a property of the schema needs: {kind, choices, low, high, whole, optional}. */
export function control(property) {
  const forms = property.anyOf || [property];
  const form = forms.find((each) => each.type !== "null") || property;
  const optional = forms.some((each) => each.type === "null");
  if (form.enum) return { kind: "choice", choices: form.enum, optional };
  if (form.type === "integer" || form.type === "number") {
    return { kind: "number", whole: form.type === "integer", low: form.minimum, high: form.maximum, optional };
  }
  return { kind: form.type === "string" ? "text" : "json", optional };
}

/** A value as its control shows it. */
export function shown(property, value) {
  if (value === null || value === undefined) return "";
  return control(property).kind === "json" ? JSON.stringify(value, null, 1) : plain(value);
}

/** What a control's text says; throws where it cannot be read. An empty text takes an override back. */
export function said(property, text) {
  const { kind } = control(property);
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (kind === "json") return JSON.parse(trimmed);
  if (kind === "number" && /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) return Number(trimmed);
  return trimmed; // a text, or a length of time as hh:mm:ss
}

/** The control of one setting. `fault` is what the app says against its value. */
export function Setting({ name, property, text, set, isSet, isChanged, fault, may }) {
  const { kind, choices, low, high } = control(property);
  const id = `setting-${name}`;
  const told = [low !== undefined && `from ${low}`, high !== undefined && `to ${high}`].filter(Boolean).join(" ");
  const more = { id, value: text, disabled: !may, "aria-describedby": `${id}-about`, "aria-invalid": fault ? "true" : null, onInput: (event) => set(event.target.value) };
  return html`<div class=${`setting ${isChanged ? "changed" : isSet ? "set" : ""}`}>
    <label for=${id}>${name}${isSet && html`<span class="tag">overridden</span>`}</label>
    ${kind === "choice"
      ? html`<select ...${more}>${[...new Set([text, ...choices])].map((each) => html`<option key=${each} value=${each}>${each || "as deployed"}</option>`)}</select>`
      : kind === "json" ? html`<textarea spellcheck="false" ...${more}></textarea>`
      : html`<input autocomplete="off" spellcheck="false" inputmode=${kind === "number" ? "decimal" : "text"} ...${more} />`}
    <small id=${`${id}-about`}>${property.description}${told && ` (${told})`}${fault && html` <span class="trouble">${fault}</span>`}</small>
    ${may && isSet && text !== "" && html`<button class="plain" type="button" onClick=${() => set("")}>take the override back<span class="skip"> of ${name}</span></button>`}
  </div>`;
}
