// What can be done to schedules: each action asks for its reason and shows the command that does the same.

import { html, useEffect, useRef, useState } from "./markup.js";
import { call } from "./api.js";
import { cell, refresh, useCell } from "./live.js";
import { command, counted, reasonOption } from "./words.js";

const AT_ONCE = 4; // calls
const open = cell(null);
const said = cell("");

/** Ask for the reason of an action, and carry it out. See VERBS and `Ask` for what an action is. */
export const ask = (action) => open.set(action);

/** Say what was done, for the eye and for screen readers. */
export function say(text) {
  said.set(text);
  setTimeout(() => said.value === text && said.set(""), 8000);
}

const verb = (name, title, explanation, more = {}) => ({ name, title, explanation, fields: [], ...more });

export const VERBS = {
  start: verb("start", "Start", "It begins to measure and to run."),
  stop: verb("stop", "Stop", "Executions finish the messages in hand and take no more.", {
    fields: [{ name: "mode", label: "How", choices: ["graceful", "terminate"], option: (value) => value !== "graceful" && `--mode ${value}` }],
  }),
  pause: verb("pause", "Pause", "It stays alive and takes no messages.", {
    fields: [{ name: "until", label: "Until (optional, your time)", type: "datetime-local", option: (value) => value && `--until ${iso(value)}`, value: iso }],
  }),
  resume: verb("resume", "Resume", "The pause ends now."),
  trigger: verb("trigger", "Run now", "The present wait ends; the next cycle begins at once."),
  repair: verb("repair", "Repair", "Cycles that a dead instance left behind are closed, and the totals are held against the history."),
};

/** The action of a verb on schedules of these names. */
export function act(verbName, names) {
  const { title, explanation, fields } = VERBS[verbName];
  return {
    title: `${title} ${names.length === 1 ? names[0] : counted(names.length, "schedule")}`,
    button: title,
    explanation,
    fields,
    command: (reason, values) =>
      names.map((name) => command(verbName, name, reasonOption(reason), ...fields.map((field) => field.option(values[field.name]) || ""))).join("\n"),
    run: (reason, values) => inTurn(names, (name) => call("POST", `schedules/${name}/${verbName}`, { body: body(reason, fields, values) })),
    done: `${title}: ${names.length === 1 ? names[0] : counted(names.length, "schedule")}`,
  };
}

/** The verbs that make sense for a schedule in this state. */
export const fitting = (state) =>
  ({ stopped: ["start"], failed: ["start", "stop"], paused: ["resume", "stop"], stopping: ["stop"] })[state] || ["pause", "trigger", "stop"];

/** The buttons for one schedule. */
export const Actions = ({ document, may, more = [] }) =>
  may
    ? html`<div class="actions">
        ${[...fitting(document.state), ...more].map((name) => html`<button key=${name} onClick=${() => ask(act(name, [document.name]))}>${VERBS[name].title} …</button>`)}
      </div>`
    : null;

/** Where questions and answers appear; once on the page. */
export function Ask() {
  const action = useCell(open);
  const answer = useCell(said);
  return html`<div class="said" role="status">${answer}</div>${action && html`<${Question} key=${action} action=${action} />`}`;
}

function Question({ action }) {
  const hold = useRef(null);
  const [reason, setReason] = useState("");
  const [values, setValues] = useState(Object.fromEntries(action.fields.map((field) => [field.name, field.initial ?? field.choices?.[0] ?? ""])));
  const [state, setState] = useState({ busy: false, problem: null });
  useEffect(() => hold.current.showModal(), []);
  const close = () => open.set(null);
  const submit = async (event) => {
    event.preventDefault();
    setState({ busy: true, problem: null });
    try {
      const result = await action.run(reason.trim(), values);
      say(typeof result === "string" ? result : action.done);
      close();
      refresh();
    } catch (problem) {
      setState({ busy: false, problem: problem.message });
      refresh();
    }
  };
  return html`<dialog ref=${hold} onClose=${close} aria-labelledby="ask-title">
    <form onSubmit=${submit}>
      <h2 id="ask-title">${action.title}</h2>
      <p>${action.explanation}</p>
      <label>Reason
        <input name="reason" required maxlength="1000" autocomplete="off" autofocus value=${reason} onInput=${(event) => setReason(event.target.value)} />
        <small>It stands in the status and in the audit trail.</small>
      </label>
      ${action.fields.map((field) => html`<${Field} key=${field.name} field=${field} value=${values[field.name]} set=${(value) => setValues({ ...values, [field.name]: value })} />`)}
      <p class="same">${action.same || "The same in a terminal:"}</p>
      <pre tabindex="0" aria-label="command">${action.command(reason.trim(), values)}</pre>
      ${state.problem && html`<p class="trouble" role="alert">${state.problem}</p>`}
      <div class="actions">
        <button type="submit" class="main" disabled=${state.busy || !reason.trim()}>${state.busy ? "…" : action.button}</button>
        <button type="button" onClick=${() => hold.current.close()}>Cancel</button>
      </div>
    </form>
  </dialog>`;
}

const Field = ({ field, value, set }) => html`<label>${field.label}
  ${field.choices
    ? html`<select value=${value} onChange=${(event) => set(event.target.value)}>${field.choices.map((each) => html`<option key=${each}>${each}</option>`)}</select>`
    : html`<input type=${field.type} ...${field.more} value=${value} onInput=${(event) => set(event.target.value)} />`}
</label>`;

function iso(text) {
  return text ? new Date(text).toISOString() : null;
}

function body(reason, fields, values) {
  const given = fields.map((field) => [field.name, field.value ? field.value(values[field.name]) : values[field.name]]);
  return { reason, ...Object.fromEntries(given.filter(([, value]) => value)) };
}

/** Do `one` for every name, a few at a time; afterwards say which could not be done. */
async function inTurn(names, one) {
  const left = [...names];
  const failed = [];
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      await one(name).catch((problem) => failed.push(names.length === 1 ? problem.message : `${name}: ${problem.message}`));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (failed.length) throw new Error(failed.join("; "));
}

