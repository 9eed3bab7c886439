// Who changed what and when, and what the watchdog met.

import { html, useEffect, useState } from "./markup.js";
import { call } from "./api.js";
import { Title, Trouble, useDocument } from "./parts.js";
import { amend, useRoute } from "./route.js";
import { full, plain, spaced } from "./words.js";

const PAGE = 50;

/** The page. */
export function Events({ name }) {
  const { query } = useRoute();
  const kind = query.get("kind") || "";
  const from = query.get("from") || "";
  const path = `schedules/${encodeURIComponent(name)}/events?top=${PAGE}${kind && `&kind=${kind}`}${from && `&from=${encodeURIComponent(new Date(from).toISOString())}`}`;
  const { data, problem } = useDocument(path, 5000);
  const [older, setOlder] = useState({ value: [], token: null });
  useEffect(() => setOlder({ value: [], token: null }), [path]);
  const token = older.token || data?.continuationToken;
  const more = async () => {
    const { data: page } = await call("GET", `${path}&continuationToken=${encodeURIComponent(token)}`);
    setOlder({ value: [...older.value, ...page.value], token: page.continuationToken || "end" });
  };
  const shown = data ? unique([...data.value, ...older.value]) : [];
  return html`<${Title}>Events of ${name}<//><${Trouble} problem=${problem} />
    <div class="filter">
      <label>Kind <select value=${kind} onChange=${(event) => amend({ kind: event.target.value })}><option value="">all</option><option value="audit">changes</option><option value="incident">incidents</option></select></label>
      <label>Since (your time) <input type="datetime-local" value=${from} onChange=${(event) => amend({ from: event.target.value })} /></label>
    </div>
    <div class="scroll" tabindex="0" role="region" aria-label="events"><table>
      <thead><tr><th>When</th><th>What</th><th>By</th><th>Why</th></tr></thead>
      <tbody>${shown.map((each) => html`<tr key=${each.id}><td>${full(each.at)}</td>
        <td><span class=${each.kind === "incident" ? "trouble" : ""}>${spaced(each.action)}</span>${each.kind === "incident" && html` <span class="faint">incident</span>`}</td>
        <td>${each.by || "–"}</td><td>${each.reason || each.cause || ""}${change(each)}</td></tr>`)}</tbody></table></div>
    ${data && !shown.length && html`<p class="waiting">Nothing has happened.</p>`}
    ${token && token !== "end" && html`<p><button onClick=${more}>Older ones</button></p>`}`;
}

const unique = (events) => [...new Map(events.map((each) => [each.id, each])).values()];

/** What a change of settings changed, and what else an event tells. */
function change({ before, after, messages, text, mode, until }) {
  const told = [];
  if (after) {
    for (const key of new Set([...Object.keys(before || {}), ...Object.keys(after)])) {
      if (JSON.stringify(before?.[key]) !== JSON.stringify(after[key])) told.push(`${key}: ${key in (before || {}) ? plain(before[key]) : "deployed"} → ${key in after ? plain(after[key]) : "deployed"}`);
    }
  }
  if (messages !== undefined) told.push(`${messages} messages${text ? ` with “${text}”` : ""}`);
  if (mode && mode !== "graceful") told.push(mode);
  if (until) told.push(`until ${full(until)}`);
  return told.length ? html`<div class="faint">${told.join("; ")}</div>` : null;
}
