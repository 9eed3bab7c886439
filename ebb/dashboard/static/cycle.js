// One cycle: what was found, what was decided and why, what each execution did, and the wait after it.

import { html, useEffect, useState } from "./markup.js";
import { call } from "./api.js";
import { Outcome, Title, Trouble } from "./parts.js";
import { to } from "./route.js";
import { barsOf, Gantt } from "./timeline.js";
import { clock, count, counted, full, lasting, millis, tally, took } from "./words.js";

/** The page; `rest` has the cycle's number. */
export function Cycle({ name, rest }) {
  const number = Number(rest[0]);
  const [state, setState] = useState({});
  useEffect(() => {
    const stop = new AbortController();
    setState({});
    call("GET", `schedules/${encodeURIComponent(name)}/cycles/${number}`, { signal: stop.signal }).then(
      ({ data }) => setState({ data }),
      (problem) => stop.signal.aborted || setState({ problem }),
    );
    return () => stop.abort();
  }, [name, number]);
  const near = html`<p class="actions">
    ${number > 1 && html`<a href=${to(["schedules", name, "cycles", number - 1])}>← cycle ${number - 1}</a>`}
    <a href=${to(["schedules", name, "cycles", number + 1])}>cycle ${number + 1} →</a>
  </p>`;
  return html`<${Title}>Cycle ${number} of ${name}<//>${near}<${Trouble} problem=${state.problem} />${state.data && html`<${Body} cycle=${state.data} />`}`;
}

function Body({ cycle }) {
  const fact = (title, value, wide) => value !== null && value !== undefined && html`<div class=${wide ? "wide" : ""}><dt>${title}</dt><dd>${value}</dd></div>`;
  const sources = cycle.backlog?.sources;
  const worked = (name) => counted(cycle.executions.filter((each) => each.source === name).length, "execution");
  return html`<dl class="facts">
      ${fact("Outcome", html`<${Outcome} outcome=${cycle.outcome} />`)}
      ${fact("Began", full(cycle.startedAt))}
      ${fact("Took", took(cycle) === null ? null : lasting(took(cycle)))}
      ${fact("Backlog", cycle.backlog ? count(cycle.backlog.count) : null)}
      ${fact("Messages", `${tally(cycle.processed, cycle)} processed, ${tally(cycle.failed, cycle)} failed, ${tally(cycle.poisoned, cycle)} poisoned`)}
      ${cycle.atLeast && fact("Counts", "at least so many: a run of an execution ended without a word", true)}
      ${fact("Executions", count(cycle.decision?.executions))}
      ${fact("Why so many executions", cycle.decision?.reason, true)}
      ${cycle.wait && fact("Why the wait after it", cycle.wait.reason, true)}
      ${cycle.nextTryAt && fact("Next try of what failed", full(cycle.nextTryAt))}
      ${cycle.parked > 0 && fact("Messages parked for their keys", counted(cycle.parked, "time"))}
      ${sources && fact("Sources", sources.map((each) => `${each.name}: ${each.error || `${count(each.count)}, ${worked(each.name)}`}`).join(", "), true)}
      ${cycle.error && fact("Error", html`<span class="trouble">${cycle.error}</span>`, true)}
    </dl>
    ${cycle.executions.length > 0 ? html`<${Executions} cycle=${cycle} />` : html`<p class="faint">No execution ran.</p>`}`;
}

function Executions({ cycle }) {
  const bars = barsOf(cycle);
  const from = Math.min(...bars.map((bar) => bar.from), millis(cycle.startedAt) / 1000);
  const till = Math.max(...bars.map((bar) => bar.to), millis(cycle.endedAt) / 1000, from + 0.1);
  const rows = Math.max(...bars.map((bar) => bar.row + 1), 1);
  return html`<h2 id="executions">Executions</h2>
    <${Gantt} bars=${bars} axis=${{ from, to: till }} rows=${rows} height=${480} label=${`${rows} executions over time; the table below has them`} />
    <div class="scroll" tabindex="0" role="region" aria-labelledby="executions"><table>
      <thead><tr><th class="number">Execution</th><th>Began</th><th class="number">Took</th><th class="number">Received</th><th class="number">Processed</th><th class="number">Failed</th><th class="number">Poison</th><th class="number">In handlers</th><th class="number">Oldest</th><th>Outcome</th><th>Error</th></tr></thead>
      <tbody>${cycle.executions.map((one) => html`<tr key=${one.index}>
        <th scope="row" class="number">${one.index}</th><td>${clock(one.startedAt)}</td><td class="number">${took(one) === null ? "–" : lasting(took(one))}</td>
        <td class="number">${tally(one.received, one)}</td><td class="number">${tally(one.processed, one)}</td><td class="number">${tally(one.failed, one)}</td><td class="number">${tally(one.poisoned, one)}</td>
        <td class="number">${seconds(one.serviceSeconds)}</td><td class="number">${seconds(one.oldestMessageAge)}</td>
        <td><${Outcome} outcome=${one.outcome} />${one.source ? html` <span class="faint">${one.source}</span>` : null}</td><td class="trouble">${one.error}</td></tr>`)}</tbody></table></div>`;
}

const seconds = (number) => (number === null || number === undefined ? "–" : lasting(number));
