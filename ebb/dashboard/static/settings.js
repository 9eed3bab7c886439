// The settings of a schedule: a form made from their schema, and beside it what other settings would lead to.

import { html, useEffect, useMemo, useState } from "./markup.js";
import { access, call, Problem } from "./api.js";
import { ask } from "./actions.js";
import { said, Setting, shown } from "./form.js";
import { useCell } from "./live.js";
import { Title, Trouble, useDocument } from "./parts.js";
import { command, counted, plain, quoted, reasonOption } from "./words.js";

const QUIET = 400; // milliseconds without typing until the app is asked

/** The page. */
export function Settings({ name }) {
  const path = `schedules/${encodeURIComponent(name)}`;
  const { mayChange } = useCell(access);
  const { data: present, etag, problem } = useDocument(path);
  const properties = useDocument("openapi.json", 86_400_000).data?.components.schemas.Settings.properties;
  const [read, setRead] = useState(null); // the version that the form was made from: {document, etag}
  const [texts, setTexts] = useState({});
  const [conflict, setConflict] = useState(null);
  useEffect(() => {
    const untouched = !Object.keys(texts).length;
    if (present && (!read || untouched)) setRead({ document: present, etag });
  }, [present, etag]);
  const { patch, faults } = useMemo(() => patchOf(properties, read?.document, texts), [properties, read, texts]);
  const tried = useTry(path, patch, faults);
  const head = html`<${Title}>Settings of ${name}<//><${Trouble} problem=${problem} />`;
  if (!properties || !read) return html`${head}${!problem && html`<p class="waiting">Loading …</p>`}`;
  const set = (key) => (text) => setTexts(without(text === shown(properties[key], read.document.settings[key]) ? { ...texts, [key]: undefined } : { ...texts, [key]: text }));
  const refusals = { ...tried.faults, ...faults };
  const forget = () => {
    setTexts({});
    setConflict(null);
  };
  const save = (match) => ask(changing(name, path, patch, match, { forget, setConflict: (now) => setConflict(now) }));
  return html`${head}
    ${conflict && html`<${Conflict} read=${read.document} now=${conflict.data} patch=${patch}
      keep=${() => save(conflict.etag)} drop=${() => { setRead({ document: conflict.data, etag: conflict.etag }); forget(); }} />`}
    <div class="pair">
      <form onSubmit=${(event) => event.preventDefault()}>
        ${mayChange && html`<div class="actions">
          <button class="main" type="button" disabled=${!Object.keys(patch).length || Object.keys(refusals).length > 0} onClick=${() => save(read.etag)}>Save ${counted(Object.keys(patch).length, "change")} …</button>
          <button type="button" disabled=${!Object.keys(texts).length} onClick=${forget}>Undo</button>
          <button type="button" disabled=${!Object.keys(read.document.overrides).length} onClick=${() => ask(resetting(name, path, read.etag, forget))}>Take all overrides back …</button>
        </div>`}
        <div class="settings">${Object.keys(properties).filter((key) => key in read.document.settings).map((key) => html`<${Setting} key=${key} name=${key} property=${properties[key]} may=${mayChange}
          text=${texts[key] ?? shown(properties[key], read.document.settings[key])} set=${set(key)} isSet=${key in read.document.overrides} isChanged=${key in texts} fault=${refusals[key]} />`)}</div>
      </form>
      <${WhatIf} tried=${tried} changed=${Object.keys(patch).length} />
    </div>`;
}

const without = (texts) => Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined));

/** What the form says: the changes as a patch, and the texts that cannot be read. */
function patchOf(properties, document, texts) {
  const patch = {};
  const faults = {};
  for (const [key, text] of Object.entries(properties && document ? texts : {})) {
    try {
      patch[key] = said(properties[key], text);
    } catch (error) {
      faults[key] = `cannot be read: ${error.message}`;
    }
  }
  return { patch, faults };
}

/** What the app says to these settings: {plan, faults, problem}. */
function useTry(path, patch, unread) {
  const [state, setState] = useState({ faults: {} });
  const wanted = JSON.stringify(patch);
  useEffect(() => {
    if (Object.keys(unread).length) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { data } = await call("POST", `${path}/plan`, { body: { settings: patch, cycles: 100 }, signal: stop.signal });
        setState({ plan: data, faults: {} });
      } catch (problem) {
        if (!(problem instanceof Problem)) return;
        const faults = (problem.document.errors || []).map((each) => [each.field.split(".")[0], each.message]);
        setState({ faults: Object.fromEntries(faults), problem: faults.length ? null : problem });
      }
    }, QUIET);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [path, wanted, Object.keys(unread).length]);
  return state;
}

function changing(name, path, patch, match, { forget, setConflict }) {
  return {
    title: `Change settings of ${name}`,
    button: "Save",
    explanation: "They count from the next cycle on.",
    fields: [],
    command: (reason) => command("set", name, ...Object.entries(patch).map(([key, value]) => quoted(`${key}=${plain(value)}`)), reasonOption(reason)),
    run: async (reason) => {
      try {
        await call("PATCH", `${path}/settings`, { body: patch, match, reason });
      } catch (problem) {
        if (problem.status !== 412) throw problem;
        setConflict(await call("GET", path));
        return "Not saved: somebody else changed the schedule.";
      }
      forget();
      return `Saved: ${counted(Object.keys(patch).length, "setting")} of ${name}`;
    },
  };
}

function resetting(name, path, match, forget) {
  return {
    title: `Take all overrides of ${name} back`,
    button: "Take back",
    explanation: "The deployed settings count again, from the next cycle on.",
    fields: [],
    command: (reason) => command("reset", name, reasonOption(reason)),
    run: async (reason) => {
      await call("DELETE", `${path}/settings`, { match, reason });
      forget();
      return `The deployed settings of ${name} count again`;
    },
  };
}

/** Somebody else was quicker: what the form was made from, what counts now, and what is wanted. */
function Conflict({ read, now, patch, keep, drop }) {
  const keys = Object.keys({ ...patch, ...now.overrides, ...read.overrides }).filter((key) => key in patch || JSON.stringify(read.settings[key]) !== JSON.stringify(now.settings[key]));
  return html`<section role="alert" class="conflict"><h2>Somebody else changed this schedule</h2>
    <div class="scroll"><table><thead><tr><th>Setting</th><th>You read</th><th>Now</th><th>You want</th></tr></thead>
      <tbody>${keys.map((key) => html`<tr key=${key}><th scope="row">${key}</th><td>${plain(read.settings[key])}</td><td>${plain(now.settings[key])}</td><td>${key in patch ? (patch[key] === null ? "as deployed" : plain(patch[key])) : html`<span class="faint">nothing</span>`}</td></tr>`)}</tbody></table></div>
    ${now.state !== read.state && html`<p>It was ${read.state} and is ${now.state}${now.reason ? `: ${now.reason}` : ""}.</p>`}
    <div class="actions"><button class="main" type="button" onClick=${keep}>Save mine over it …</button><button type="button" onClick=${drop}>Take what is there</button></div></section>`;
}

function WhatIf({ tried, changed }) {
  const plan = tried.plan;
  return html`<section class="beside" aria-labelledby="what-if" aria-live="polite"><h2 id="what-if">${changed ? "What if" : "As it is set now"}</h2>
    <${Trouble} problem=${tried.problem} />
    ${Object.keys(tried.faults).length > 0 && html`<p class="trouble">These settings cannot be used.</p>`}
    ${plan && html`<p><b>${counted(plan.decision.executions, "execution")}</b> in the next cycle: ${plan.decision.reason}</p>
      ${plan.wait && html`<p><b>Then</b> ${plan.wait.reason}</p>`}
      ${plan.blockedBy && html`<p class="warning">Nothing begins now: ${plan.blockedBy}</p>`}
      <${Recorded} recorded=${plan.recorded} />`}
  </section>`;
}

/** What the recorded cycles would have decided, beside what they did. */
function Recorded({ recorded }) {
  const known = recorded.filter((each) => each.planned && each.executions !== null).toReversed();
  if (!known.length) return html`<p class="faint">No recorded cycle can be tried.</p>`;
  const more = known.filter((each) => each.planned.executions > each.executions).length;
  const less = known.filter((each) => each.planned.executions < each.executions).length;
  const top = Math.max(...known.map((each) => Math.max(each.executions, each.planned.executions)), 1);
  const [width, height] = [400, 90];
  const step = width / known.length;
  const text = `Of the last ${counted(known.length, "cycle")} with work, ${more} would run more executions, ${less} fewer, ${known.length - more - less} as many.`;
  return html`<p>${text}</p>
    <svg viewBox=${`0 0 ${width} ${height}`} role="img" aria-label=${text} class="recorded">
      ${known.map((each, index) => {
        const tall = (each.planned.executions / top) * (height - 6);
        const was = height - (each.executions / top) * (height - 6);
        const kind = each.planned.executions > each.executions ? "more" : each.planned.executions < each.executions ? "less" : "same-bar";
        return html`<g key=${each.cycle}><title>${`cycle ${each.cycle}: ${each.executions} then, ${each.planned.executions} now; ${each.planned.reason}`}</title>
          <rect class=${kind} x=${index * step} y=${height - tall} width=${Math.max(step - 1, 1)} height=${tall} /><line class="was" x1=${index * step} x2=${index * step + Math.max(step - 1, 1)} y1=${was} y2=${was} /></g>`;
      })}
    </svg>
    <p class="faint">Bars: executions under these settings. Lines: what ran. It is the decision alone, asked again with each backlog as it was counted; <code>ebb simulate</code> plays on from there.</p>`;
}
