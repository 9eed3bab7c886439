// Messages that could not be handled: look at them, put them back, remove them; chosen ones, or all that hold a text.

import { html, useEffect, useState } from "./markup.js";
import { access, call } from "./api.js";
import { ask } from "./actions.js";
import { useCell } from "./live.js";
import { Title, Trouble, useDocument } from "./parts.js";
import { replayAction, Replays } from "./replay.js";
import { amend, useRoute } from "./route.js";
import { command, count, counted, full, quoted, reasonOption } from "./words.js";

const AT_ONCE = 1000; // messages that the app acts on in one call
const SHOWN_IDS = 5; // in the command; a person who acts on more takes --text or --all
const FORMS = { text: (bytes) => new TextDecoder().decode(bytes), JSON: asJson, hex: asHex };

/** The page. */
export function Poison({ name }) {
  const { query } = useRoute();
  const { mayChange } = useCell(access);
  const base = `schedules/${encodeURIComponent(name)}`;
  const schedule = useDocument(base, 10_000).data;
  const source = query.get("source") || "1";
  const text = query.get("search") || "";
  const asked = `${base}/poison?source=${source}${text && `&search=${encodeURIComponent(text)}`}`;
  const { data, problem } = useDocument(asked, 5000);
  const [chosen, setChosen] = useState(new Set());
  useEffect(() => setChosen(new Set()), [asked]);
  const ids = (data?.value || []).map((each) => each.id).filter((id) => chosen.has(id));
  const given = { name, base, source, text };
  return html`<${Title}>Poison messages of ${name}<//>
    <${Filter} text=${text} source=${source} sources=${schedule?.settings.sources} />
    ${problem && problem.code === "noPoisonPlace" ? html`<p>${problem.message}.</p>` : html`<${Trouble} problem=${problem} />`}
    ${data && html`<p role="status">${shownOf(data, text)}</p>
      ${mayChange && data.count > 0 && html`<div class="actions">
        ${["requeue", "purge"].map((verb) => html`<button key=${verb} disabled=${!ids.length} onClick=${() => ask(action(verb, given, ids))}>${VERBS[verb].title} ${ids.length || ""} chosen …</button>`)}
        ${["requeue", "purge"].map((verb) => html`<button key=${`all ${verb}`} onClick=${() => ask(action(verb, given, null))}>${VERBS[verb].title} ${text ? `all with “${text}”` : "all"} …</button>`)}
        <button onClick=${() => ask(replayAction(given, null))}>Replay ${text ? `all with “${text}”` : "all"} …</button>
      </div>`}
      <${Replays} given=${given} may=${mayChange} left=${data.count} />
      <ul class="plain-list">${data.value.map((one) => html`<${Message} key=${one.id} one=${one} on=${chosen.has(one.id)} may=${mayChange} turn=${() => setChosen(turned(chosen, one.id))} />`)}</ul>`}`;
}

const shownOf = (data, text) => {
  if (!data.count) return "No message is here.";
  return `${counted(data.value.length, "message")} shown${text ? ` that hold “${text}”` : ""}, of ${count(data.count)}. The service shows the first 32 without taking them${data.note ? `; ${data.note}` : ""}.`;
};

function Filter({ text, source, sources }) {
  return html`<form class="filter" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label>Search in body, reason and id <input type="search" value=${text} onChange=${(event) => amend({ search: event.target.value })} /></label>
    ${sources && html`<label>Source <select value=${source} onChange=${(event) => amend({ source: event.target.value })}>${sources.map((each, index) => html`<option key=${index} value=${String(index + 1)}>${each.queueName || each.type}</option>`)}</select></label>`}
  </form>`;
}

const turned = (chosen, id) => {
  const next = new Set(chosen);
  if (!next.delete(id)) next.add(id);
  return next;
};

function Message({ one, on, may, turn }) {
  const [form, setForm] = useState("text");
  const bytes = bytesOf(one);
  return html`<li class="message">
    <div class="actions">
      ${may && html`<input type="checkbox" aria-label=${`choose message ${one.id}`} checked=${on} onChange=${turn} />`}
      <span class="code">${one.id}</span>
      <span class="faint">${[one.dequeueCount && (one.dequeueCount === 1 ? "1 try" : `${one.dequeueCount} tries`), one.enqueuedAt && `put ${full(one.enqueuedAt)}`, one.deadLetteredAt && `here since ${full(one.deadLetteredAt)}`, counted(bytes.length, "byte")].filter(Boolean).join(" · ")}</span>
    </div>
    ${one.reason && html`<p class="trouble">${one.reason}</p>`}
    <div class="actions" role="group" aria-label="Shown as">${Object.keys(FORMS).map((each) => html`<button key=${each} aria-pressed=${form === each} onClick=${() => setForm(each)}>${each}</button>`)}</div>
    <pre class="body" tabindex="0" aria-label=${`body of message ${one.id}`}>${FORMS[form](bytes)}</pre>
  </li>`;
}

const bytesOf = ({ body, bodyEncoding }) =>
  bodyEncoding === "base64" ? Uint8Array.from(atob(body.slice(0, body.length - (body.length % 4))), (each) => each.charCodeAt(0)) : new TextEncoder().encode(body);

function asJson(bytes) {
  try {
    return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)), null, 2);
  } catch (error) {
    return `This is not JSON: ${error.message}`;
  }
}

function asHex(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.slice(at, at + 16)];
    const hex = part.map((each) => each.toString(16).padStart(2, "0")).join(" ");
    const letters = part.map((each) => (each > 31 && each < 127 ? String.fromCharCode(each) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${letters}`);
  }
  return lines.join("\n");
}

const VERBS = {
  requeue: { title: "Requeue", method: "POST", path: "poison/requeue", told: "requeued", explanation: "They go back into the source as new messages, and leave this place." },
  purge: { title: "Purge", method: "DELETE", path: "poison", told: "purged", explanation: "They are removed for good." },
};

/** The action on these ids; without ids on all that hold the text. */
function action(verb, { name, base, source, text }, ids) {
  const { title, method, path, told, explanation } = VERBS[verb];
  const which = ids ? counted(ids.length, "message") : text ? `all messages with “${text}”` : "all messages";
  const options = ids ? [...ids.slice(0, SHOWN_IDS), ids.length > SHOWN_IDS ? "…" : ""] : [text ? `--text ${quoted(text)}` : "--all"];
  const run = async (reason) => {
    let [done, remaining] = [0, 0];
    for (;;) {
      const body = { reason, ...(ids ? { ids } : text ? { text } : {}) };
      const { data } = await call(method, `${base}/${path}?source=${source}`, { body });
      done += data[told];
      remaining = data.remaining;
      if (data[told] < AT_ONCE || !remaining) return `${counted(done, "message")} ${told}, ${count(remaining)} remaining`;
    }
  };
  const number = source === "1" ? "" : `--source ${source}`;
  return {
    title: `${title} ${which} of ${name}`,
    button: title,
    explanation: ids || !text ? explanation : `${explanation} The app looks through the first 2,000 messages, not only those shown.`,
    fields: [],
    command: (reason) => command("poison", verb, name, ...options, number, reasonOption(reason)),
    run,
  };
}
