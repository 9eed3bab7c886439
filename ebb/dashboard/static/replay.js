// A replay of poison messages: a few go back first, the others at a rate, none any more when they fail again. It runs in
// this tab, by the rules of ebb/core/replay.py; the audit trail has what it did, so that anybody can go on with it.

import { html } from "./markup.js";
import { ask, say } from "./actions.js";
import { call } from "./api.js";
import { cell, refresh, useCell } from "./live.js";
import { Moment, useDocument } from "./parts.js";
import { command, count, counted, quoted, reasonOption } from "./words.js";

const PATIENCE = 600; // seconds without any message being handled
const AT_ONCE = 1000; // messages that the app puts back in one call
const HIDDEN_AT_MOST = 90; // seconds for which what another process holds stays away
const LOOK_AGAIN = 5; // seconds between looks for it
const RECENT = 3; // replays of the audit trail that are shown
const RATE = /^(\d+(?:\.\d+)?)\/(s|min|m|h)$/;
const PER = { s: 1, min: 60, m: 60, h: 3600 };

const running = cell(null); // the replay of this tab
window.addEventListener("beforeunload", (event) => running.value && !running.value.ended && event.preventDefault());

const number = (name, label, initial, option) => ({ name, label, type: "number", initial, more: { min: name === "canary" ? 0 : 1, max: 1000, required: true }, option: (value) => `${option} ${value}` });
const CANARY = number("canary", "Messages that go first, alone", "5", "--canary");
const MOST = number("most", "Stop when so many failed", "3", "--stop-on-failures");
const SPEED = { name: "rate", label: "After them (10/s, 300/min, 1000/h)", type: "text", initial: "10/s", more: { pattern: RATE.source, required: true }, option: (value) => `--rate ${value}` };

/** The action that begins a replay of all that hold `text`, or goes on with one: `{id, text}`. */
export function replayAction({ name, base, source, text }, resumed) {
  const fields = resumed ? [SPEED, MOST] : [CANARY, SPEED, MOST];
  const which = resumed ? `--resume ${resumed.id}` : text ? `--filter ${quoted(text)}` : "--all";
  return {
    title: resumed ? `Resume ${resumed.id} of ${name}` : `Replay ${text ? `all messages with “${text}”` : "all messages"} of ${name}`,
    button: resumed ? "Resume" : "Replay",
    explanation: `${resumed ? "It goes on" : "A few go back first; once they are handled well, the others follow"} at the rate, and stops when messages fail again. It runs in this tab: keep it open.`,
    fields,
    command: (reason, values) => command("poison", "replay", name, which, ...fields.map((field) => field.option(values[field.name])), source === "1" ? "" : `--source ${source}`, reasonOption(reason)),
    run: async (reason, values) => {
      if (running.value && !running.value.ended) throw new Error(`${running.value.id} is at work in this tab: stop it first`);
      const { data } = await call("GET", base);
      if (data.state !== "running") throw new Error(`${name} is ${data.state}: nobody would handle what is put back`);
      const [, amount, unit] = RATE.exec(values.rate);
      const id = resumed?.id || `replay-${[...crypto.getRandomValues(new Uint8Array(3))].map((each) => each.toString(16).padStart(2, "0")).join("")}`;
      const plan = { canary: resumed ? 0 : Number(values.canary), rate: Number(amount) / PER[unit], most: Number(values.most) };
      begin({ id, name, base, source, text: resumed ? resumed.text : text, reason, plan }, data.totals);
      return `${id} has begun`;
    },
  };
}

/** What to do next; as `next_step` in ebb/core/replay.py. */
export function nextStep({ canary, rate, most }, { put, settled, failures, exhausted, flowing, flowed, quiet, hidden, tried }) {
  if (failures >= most) return { act: "stop", why: `${failures} failed since it began` };
  if (put > settled && quiet >= PATIENCE) return { act: "stop", why: `nothing was handled for ${PATIENCE / 60} min, ${counted(put - settled, "message")} wait` };
  const lost = put <= settled && quiet >= HIDDEN_AT_MOST;
  if (hidden && (lost || tried < LOOK_AGAIN)) {
    const why = `${counted(hidden, "remaining message")} held by another process`;
    return lost ? { act: "stop", why } : { act: "wait", seconds: 1, why };
  }
  if (flowing === null) {
    if (put < canary && !exhausted) return { act: "put", messages: canary - put };
    return settled < put ? { act: "wait", seconds: 1, why: "the first ones are at work" } : { act: "flow" };
  }
  if (exhausted) return put <= settled ? { act: "end", why: "nothing is left" } : { act: "wait", seconds: 1, why: "the last ones are at work" };
  const due = Math.floor(rate * flowing) + 1 - flowed;
  if (due < 1) return { act: "wait", seconds: Math.max((flowed - rate * flowing) / rate, 0.05), why: "" };
  return { act: "put", messages: Math.min(due, Math.max(Math.floor(rate), 1), AT_ONCE) };
}

function begin(job, totals) {
  running.set({ ...job, put: 0, settled: 0, failures: 0, remaining: null, ended: null, why: "" });
  const end = (ended, why) => {
    running.set({ ...running.value, ended, why });
    say(`${job.id}: ${why}`);
    refresh();
  };
  through(job, totals, end).catch((problem) => end("stop", problem.message));
}

async function through(job, first, end) {
  const seen = { put: 0, settled: 0, failures: 0, exhausted: false, flowing: null, flowed: 0, quiet: 0, hidden: 0, tried: 0 };
  let [since, moved, asked] = [null, performance.now(), performance.now()];
  while (!running.value.ended) {
    const { totals } = (await call("GET", job.base)).data;
    const [processed, failed, poisoned] = ["processed", "failed", "poisoned"].map((key) => totals[key] - first[key]);
    const now = performance.now();
    if (processed + failed + poisoned !== seen.settled) moved = now;
    Object.assign(seen, { settled: processed + failed + poisoned, failures: failed + poisoned, quiet: (now - moved) / 1000, tried: (now - asked) / 1000, flowing: since && (now - since) / 1000 });
    const step = nextStep(job.plan, seen);
    if (running.value.ended) return;
    running.set({ ...running.value, settled: seen.settled, failures: seen.failures, why: step.why ?? running.value.why });
    if (step.act === "stop" || step.act === "end") return end(step.act, step.why);
    if (step.act === "flow") since = performance.now();
    else if (step.act === "wait") await new Promise((go) => setTimeout(go, 1000 * Math.min(step.seconds, 1)));
    else {
      const { data } = await requeue(job, step.messages, job.reason);
      const fewer = data.requeued < step.messages;
      const hidden = fewer && !job.text ? data.remaining : 0; // of messages that hold a text nobody knows how many there are
      Object.assign(seen, { put: seen.put + data.requeued, flowed: since ? seen.flowed + data.requeued : 0, exhausted: fewer && !hidden, hidden });
      asked = performance.now();
      if (data.requeued) moved = asked;
      running.set({ ...running.value, put: seen.put, remaining: data.remaining });
      if (data.requeued && (!since || seen.exhausted)) await call("POST", `${job.base}/trigger`, { body: {} });
    }
  }
}

/** The replay of this tab, and the latest ones of the audit trail; `given` as for `replayAction`. */
export function Replays({ given, may, left }) {
  const job = useCell(running);
  const { data } = useDocument(`${given.base}/events?kind=audit&top=100`, 10_000);
  const mine = job?.name === given.name ? job : null;
  const recent = latest(data?.value || []).filter((each) => each.id !== mine?.id || mine.ended);
  if (!mine && !recent.length) return null;
  return html`<section aria-labelledby="replays"><h2 id="replays">Replays</h2>
    ${mine && html`<${Job} job=${mine} />`}
    <ul class="plain-list">${recent.map((each) => html`<li key=${each.id} class="actions">
      <span><span class="code">${each.id}</span>: ${counted(each.number, "message")} put back${each.text ? ` that hold “${each.text}”` : ""}, last <${Moment} at=${each.at} />${each.by ? `, by ${each.by}` : ""}${each.reason ? html` <span class="faint">${each.reason}</span>` : null}</span>
      ${may && left > 0 && html`<button onClick=${() => ask(replayAction(given, each))}>Resume ${each.id} …</button>`}</li>`)}</ul>
  </section>`;
}

function Job({ job }) {
  const all = job.put + (job.remaining ?? 0);
  return html`<div class="actions">
      <progress value=${all ? job.put : 0} max=${all || 1} aria-label=${`messages that ${job.id} has put back`}></progress>
      <span><span class="code">${job.id}</span>: ${count(job.put)} put back, ${count(job.settled)} handled, ${count(job.failures)} failed, ${count(job.remaining)} remaining${job.why ? `; ${job.why}` : ""}</span>
      ${!job.ended && html`<button onClick=${() => ask(stopAction(job))}>Stop …</button>`}
    </div>
    ${job.ended === "stop" && html`<p class="same">To go on in a terminal:</p><pre tabindex="0" aria-label="command to go on">${resumeCommand(job)}</pre>`}`;
}

/** The action that ends the replay of this tab: a portion of no messages notes why, so that whoever goes on knows. */
const stopAction = (job) => ({
  title: `Stop ${job.id} of ${job.name}`,
  button: "Stop",
  explanation: "No more messages are put back; those that were are handled. What is left stays in the poison place.",
  fields: [],
  same: "It ends in this tab only. To go on in a terminal:",
  command: (reason) => resumeCommand(job, reasonOption(reason)),
  run: async (reason) => {
    if (running.value.ended) return `${job.id} had ended before`;
    running.set({ ...running.value, ended: "stop", why: `stopped here: ${reason}` });
    await requeue(job, 0, reason);
    return `${job.id} has stopped`;
  },
});

const resumeCommand = (job, ...more) => command("poison", "replay", job.name, `--resume ${job.id}`, job.source === "1" ? "" : `--source ${job.source}`, ...more);

/** Put the next messages of a replay back. */
const requeue = (job, limit, reason) => call("POST", `${job.base}/poison/requeue?source=${job.source}`, { body: { replay: job.id, reason, limit, ...(job.text ? { text: job.text } : {}) } });

/** The latest replays in these events, newest first. */
function latest(events) {
  const found = new Map();
  for (const each of events.filter((one) => one.replay)) {
    const known = found.get(each.replay) || { id: each.replay, at: each.at, by: each.by, reason: each.reason, text: each.text, number: 0 };
    found.set(each.replay, { ...known, number: known.number + each.messages });
  }
  return [...found.values()].slice(0, RECENT);
}
