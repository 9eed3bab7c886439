// All schedules: what each one is at, how many executions it runs and why, and what comes next.

import { html, useMemo, useRef, useState } from "./markup.js";
import { access } from "./api.js";
import { act, ask, VERBS } from "./actions.js";
import { useCell, useNow } from "./live.js";
import { Moment, Outcome, Sparkline, State, Title, Trouble, useDocument } from "./parts.js";
import { amend, to, useRoute } from "./route.js";
import { count, counted, millis, tally } from "./words.js";

const STATES = ["running", "paused", "failed", "stopped", "starting", "stopping"];
const KEPT = 60; // points of a curve
const FRESH = 10_000; // ms: a count of that age needs no word about when it was made
const SORTS = {
  name: (one) => one.name,
  state: (one) => STATES.indexOf(one.state),
  backlog: (one) => -(one.backlog?.count ?? -1),
  executions: (one) => -working(one),
  next: (one) => millis(one.nextCycleAt) ?? Infinity,
  failed: (one) => -one.totals.failed,
  poisoned: (one) => -poisoned(one),
};

/** The executions at work now, as far as the app tells them: in the document of one schedule, not in the list. */
export const atWork = (one) => (one.executions || []).filter((each) => !each.endedAt);

/** How many executions are at work now. */
export const working = (one) => atWork(one).length || (one.phase === "processing" ? one.decision?.executions ?? 0 : 0);

/** Messages in the poison place at the last look; where it was not looked at, those sent there since the first start. */
const poisoned = (one) => one.poison?.count ?? one.totals.poisoned;

/** The page. */
export function Overview() {
  const { query } = useRoute();
  const { data, problem } = useDocument("schedules");
  const { mayChange } = useCell(access);
  const [chosen, setChosen] = useState(new Set());
  const curves = useCurves(data?.value);
  if (!data) return html`<${Title}>Schedules<//>${problem ? html`<${Trouble} problem=${problem} />` : html`<p class="waiting">Loading …</p>`}`;
  const shown = sorted(data.value.filter(fits(query)), query.get("sort") || "name");
  const picked = shown.filter((one) => chosen.has(one.name));
  const choose = (names, on) => setChosen(new Set(on ? [...chosen, ...names] : [...chosen].filter((name) => !names.includes(name))));
  return html`<${Title}>Schedules<//>
    <${Trouble} problem=${problem} />
    <${Filter} query=${query} all=${data.value} shown=${shown.length} />
    ${mayChange && html`<${Bulk} picked=${picked} />`}
    <div class="scroll">
      <table class="cards" role="table">
        <thead role="rowgroup"><${Headings} query=${query} picks=${mayChange && { shown, picked, choose }} /></thead>
        <tbody role="rowgroup">${shown.map((one) => html`<${Row} key=${one.name} one=${one} curve=${curves.get(one.name)} pick=${mayChange && { on: chosen.has(one.name), choose }} />`)}</tbody>
      </table>
    </div>
    ${!shown.length && html`<p class="waiting">No schedule fits the filter.</p>`}`;
}

const fits = (query) => {
  const [text, state] = [(query.get("q") || "").toLowerCase(), query.get("state")];
  return (one) => (!state || one.state === state) && (!text || `${one.name} ${one.reason || ""} ${one.error || ""}`.toLowerCase().includes(text));
};

function sorted(documents, by) {
  const [name, down] = by.startsWith("-") ? [by.slice(1), -1] : [by, 1];
  const key = SORTS[name] || SORTS.name;
  const compare = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.name < b.name ? -1 : 1);
  return documents.toSorted((a, b) => down * compare(a, b));
}

function Filter({ query, all, shown }) {
  const counts = Object.fromEntries(STATES.map((state) => [state, all.filter((one) => one.state === state).length]));
  return html`<form class="filter" role="search" onSubmit=${(event) => event.preventDefault()}>
    <label>Search <input type="search" value=${query.get("q") || ""} onInput=${(event) => amend({ q: event.target.value })} /></label>
    <label>State
      <select value=${query.get("state") || ""} onChange=${(event) => amend({ state: event.target.value })}>
        <option value="">all (${all.length})</option>
        ${STATES.filter((state) => counts[state] || query.get("state") === state).map((state) => html`<option key=${state} value=${state}>${state} (${counts[state]})</option>`)}
      </select>
    </label>
    <span class="faint" role="status">${shown} of ${counted(all.length, "schedule")}</span>
  </form>`;
}

const Bulk = ({ picked }) => html`<div class=${`actions bulk ${picked.length ? "" : "none"}`}>
  ${Object.keys(VERBS).map((verb) => html`<button key=${verb} disabled=${!picked.length} onClick=${() => ask(act(verb, picked.map((one) => one.name)))}>${VERBS[verb].title} …</button>`)}
  <span class="faint">${picked.length ? `${counted(picked.length, "schedule")} chosen` : "choose schedules to act on several"}</span>
</div>`;

const COLUMNS = [["name", "Schedule"], ["state", "State"], ["backlog", "Backlog"], ["executions", "Executions"], ["next", "Next, and why"], ["failed", "Failed"], ["poisoned", "Poison"]];

function Headings({ query, picks }) {
  const by = query.get("sort") || "name";
  const all = picks && picks.picked.length === picks.shown.length && picks.shown.length > 0;
  return html`<tr role="row">
    ${picks && html`<th role="columnheader" class="pick"><input type="checkbox" aria-label="choose all shown" checked=${all} onChange=${() => picks.choose(picks.shown.map((one) => one.name), !all)} /></th>`}
    ${COLUMNS.map(([name, title]) => {
      const order = by === name ? "ascending" : by === `-${name}` ? "descending" : null;
      return html`<th key=${name} role="columnheader" aria-sort=${order || "none"} class=${`by-${name}`}>
        <button class="plain" onClick=${() => amend({ sort: by === name ? `-${name}` : name })}>${title}${order && (order === "ascending" ? " ↑" : " ↓")}</button>
      </th>`;
    })}
  </tr>`;
}

function Row({ one, curve, pick }) {
  const failing = one.lastCycle?.outcome && !["succeeded", "idle", "stopped"].includes(one.lastCycle.outcome);
  return html`<tr role="row">
    ${pick && html`<td role="cell" class="pick"><input type="checkbox" aria-label=${`choose ${one.name}`} checked=${pick.on} onChange=${() => pick.choose([one.name], !pick.on)} /></td>`}
    <th role="rowheader" scope="row" class="name"><a href=${to(["schedules", one.name])}>${one.name}</a></th>
    <td role="cell" class="state-cell"><${State} document=${one} />${one.reason && html`<div class="faint short" title=${one.reason}>${one.reason}</div>`}</td>
    <td role="cell" class="number backlog" data-label="Backlog"><span>${count(one.backlog?.count)}</span> <${Sparkline} points=${curve || []} label=${`backlog of ${one.name} over time`} /><${Counted} backlog=${one.backlog} /></td>
    <td role="cell" class="executions" data-label="Executions"><${Share} of=${working(one)} most=${one.settings.maxExecutions} /><div class="faint short" title=${one.decision?.reason}>${one.decision?.reason}</div></td>
    <td role="cell" class="next" data-label="Next"><${Moment} at=${one.nextCycleAt} none=${one.phase === "processing" ? "at work" : "–"} /><div class="faint short" title=${one.nextCycleReason}>${one.nextCycleReason}</div>${one.error && html`<div class="trouble short" title=${one.error}>${one.error}</div>`}</td>
    <td role="cell" class="number failed" data-label="Failed">${tally(one.totals.failed, one.totals)} ${failing && html`<${Outcome} outcome=${one.lastCycle.outcome} />`}${one.failedCycles > 1 && html`<div class="faint">${one.failedCycles} cycles in a row</div>`}</td>
    <td role="cell" class="number poisoned" data-label="Poison">${poisoned(one) ? html`<a href=${to(["schedules", one.name, "poison"])} aria-label=${`${counted(poisoned(one), "poison message")} of ${one.name}`}>${count(poisoned(one))}</a>` : 0}</td>
  </tr>`;
}

/** When a backlog was counted, where that was a while ago: its messages may be gone by now. */
function Counted({ backlog }) {
  const now = useNow();
  return backlog?.count && now - millis(backlog.measuredAt) >= FRESH ? html`<div class="faint">counted <${Moment} at=${backlog.measuredAt} /></div>` : null;
}

/** `3 of 10`, with a bar. */
export const Share = ({ of, most }) => html`<span class="share"><b>${of}</b> of ${most}
  <svg viewBox="0 0 60 6" aria-hidden="true"><rect class="rail" width="60" height="6" rx="3" /><rect class="part" width=${60 * Math.min(of / most, 1)} height="6" rx="3" /></svg></span>`;

/** For each schedule its latest counts: what the app remembers, and what this page has seen since it was opened. */
function useCurves(documents) {
  const seen = useRef(new Map());
  return useMemo(() => {
    for (const one of documents || []) {
      const known = seen.current.get(one.name) || (one.recent || []).map(([at, backlog]) => [at * 1000, backlog]);
      const at = millis(one.backlog?.measuredAt);
      if (at && at > (known.at(-1)?.[0] ?? 0)) known.push([at, one.backlog.count]);
      seen.current.set(one.name, known.slice(-KEPT));
    }
    return seen.current;
  }, [documents]);
}
