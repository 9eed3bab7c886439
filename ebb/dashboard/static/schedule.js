// One schedule: what it does now and why, what it did over time, and what it would do next.

import { html, useEffect, useMemo, useState } from "./markup.js";
import { access, call, keyed, Problem } from "./api.js";
import { Actions } from "./actions.js";
import { pauseAfter, useCell, usePolling } from "./live.js";
import { atWork, Share, working } from "./overview.js";
import { Moment, Outcome, State, Title, Trouble, useDocument } from "./parts.js";
import { amend, to, useRoute } from "./route.js";
import { barsOf, Codes, Curves, Gantt } from "./timeline.js";
import { clock, count, counted, lasting, millis, plain, spaced, tally, took } from "./words.js";

const RANGES = { "15min": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const IDLE_LOOK = 15; // seconds after which the axis moves on although nothing has changed
const AHEAD = 0.08; // share of the axis that lies in the future
const MOST_CYCLES = 200;

/** The page. */
export function Schedule({ name }) {
  const path = `schedules/${encodeURIComponent(name)}`;
  const { data, etag, problem } = useDocument(path);
  const { mayChange } = useCell(access);
  const [plan, setPlan] = useState(null);
  const head = html`<${Title}>${name}<//><${Trouble} problem=${problem} />`;
  if (!data) return html`${head}${!problem && html`<p class="waiting">Loading …</p>`}`;
  return html`${head}
    <${Actions} document=${data} may=${mayChange} more=${["repair"]} />
    <${Facts} document=${data} plan=${plan?.name === name ? plan : null} />
    <${AtWork} document=${data} />
    <${Time} path=${path} document=${data} version=${etag} told=${setPlan} />`;
}

function Facts({ document: one, plan }) {
  const fact = (title, value, wide) => value && html`<div class=${wide ? "wide" : ""}><dt>${title}</dt><dd>${value}</dd></div>`;
  const changed = Object.entries(one.overrides);
  return html`<dl class="facts">
    ${fact("State", html`<${State} document=${one} />${one.reason && html`<div class="faint">${one.reason}${one.until && html`, until <${Moment} at=${one.until} />`}</div>`}`)}
    ${fact("Backlog", html`<span class="big">${count(one.backlog?.count)}</span> ${one.backlog && html`<span class="faint">counted <${Moment} at=${one.backlog.measuredAt} />${one.backlog.oldestEnqueuedAt && html`; the oldest came <${Moment} at=${one.backlog.oldestEnqueuedAt} />`}</span>`}`)}
    ${one.parked && fact("Parked for their keys", html`${counted(one.parked.messages, "message")} ${one.parked.since && html`<span class="faint">the first <${Moment} at=${one.parked.since} /></span>`}`)}
    ${fact("Executions", html`<span class="big"><${Share} of=${working(one)} most=${one.settings.maxExecutions} /></span>`)}
    ${fact("Next cycle", html`<span class="big"><${Moment} at=${one.nextCycleAt} none=${one.phase === "processing" ? "after this one" : "–"} /></span>`)}
    ${fact("Since the first start", `${counted(one.totals.cycles, "cycle")}, ${tally(one.totals.processed, one.totals)} processed, ${tally(one.totals.failed, one.totals)} failed, ${tally(one.totals.poisoned, one.totals)} poisoned`)}
    ${fact("Why so many executions", one.decision?.reason, true)}
    ${fact("Why this wait", one.nextCycleReason, true)}
    ${millis(one.lastCycle?.nextTryAt) > Date.now() && fact("Next try of what failed", html`<${Moment} at=${one.lastCycle.nextTryAt} /> <span class="faint">the first of ${counted(one.lastCycle.failed, "message")} of cycle ${one.lastCycle.cycle}</span>`)}
    ${one.settings.batch && fact("Calls of the handler", `get up to ${counted(one.settings.batch.size, "message")} each`)}
    ${plan?.budget && fact("Budget", html`<${Budget} one=${plan.budget} />`)}
    ${plan?.perKey && fact("Of one key", html`at most ${count(plan.perKey.concurrency)} at once${plan.perKey.rate === null ? "" : `, ${plan.perKey.rate} messages/s`}${plan.perKey.oneKeySeconds !== null && html` <span class="faint">${lasting(plan.perKey.oneKeySeconds)} at least, were all that wait of one key</span>`}`)}
    ${plan?.after?.length > 0 && fact("Runs after", plan.after.map((each) => html`<div key=${each.name}><a href=${to(["schedules", each.name])}>${each.name}</a> <span class="faint">${each.isWorking ? "is at work" : each.hasDrained ? "has drained" : "has not drained since"}${each.intent === "running" ? "" : `, it is ${each.intent}`}</span></div>`))}
    ${one.lastError && one.lastError.message !== one.error && fact("Last error", html`${one.lastError.message} <span class="faint">${counted(one.lastError.count, "time")}, last <${Moment} at=${one.lastError.at} /></span>`, true)}
    ${one.error && fact("Error", html`<span class="trouble">${one.error}</span>`, true)}
    ${one.warnings.length > 0 && fact("Warnings", one.warnings.map((text) => html`<div class="warning" key=${text}>${text}</div>`), true)}
    ${changed.length > 0 && fact("Overrides", html`${changed.map(([key, value]) => `${key} = ${plain(value)}`).join(", ")} <a href=${to(["schedules", one.name, "settings"])}>settings</a>`, true)}
  </dl>`;
}

/** What a downstream may be asked to do now, and why it is less than it could be. */
function Budget({ one }) {
  const left = [one.rate !== null && `${one.rateNow} of ${one.rate} messages/s`, one.concurrency !== null && `${one.inUse} of ${one.concurrencyNow} at once in use${one.concurrencyNow < one.concurrency ? ` (${one.concurrency} at best)` : ""}`].filter(Boolean);
  const trouble = { open: html`the downstream refuses; a try <${Moment} at=${one.openUntil} />`, halfOpen: "one message tries whether the downstream takes any again" }[one.breaker];
  return html`${one.name}: breaker ${spaced(one.breaker)}${trouble ? html`<div class="trouble">${trouble}</div>` : html`<div>${left.join(", ")}</div>`}${one.refusals > 0 && html`<div class="faint">${counted(one.refusals, "refusal")} in a row</div>`}`;
}

/** Live progress of the executions at work, where the app tells it. */
function AtWork({ document: one }) {
  if (!atWork(one).length) return null;
  return html`<section aria-labelledby="at-work"><h2 id="at-work">At work</h2><div class="scroll" tabindex="0" role="region" aria-label="executions at work">
    <table><thead><tr><th class="number">Execution</th><th>Since</th><th class="number">Processed</th><th class="number">Failed</th><th class="number">In hand</th><th>Progress</th></tr></thead>
    <tbody>${atWork(one).map((each) => html`<tr key=${`${each.cycle}/${each.index}`}>
      <td class="number">${each.index}</td><td><${Moment} at=${each.since || each.startedAt} /></td><td class="number">${count(each.processed)}</td>
      <td class="number">${count((each.failed || 0) + (each.poisoned || 0))}</td><td class="number">${inHand(each)}</td><td><${Progress} note=${each.progress} /></td></tr>`)}</tbody></table></div></section>`;
}

/** Messages that an execution has taken and not settled, and for how long the oldest is in a handler. */
const inHand = ({ received, processed, failed, poisoned, currentMessageAge: age }) =>
  received === undefined ? "–" : `${count(Math.max(received - processed - failed - poisoned, 0))}${age ? `, ${lasting(age)}` : ""}`;

/** What a handler says of its progress: a part of one, a text, or both. */
function Progress({ note }) {
  if (note === null || note === undefined) return "–";
  const share = typeof note === "number" ? note : note.fraction ?? note.share;
  const text = typeof note === "object" ? note.text ?? note.note ?? "" : typeof note === "string" ? note : "";
  return html`${typeof share === "number" && html`<progress value=${share} max="1" aria-label="progress">${share}</progress> ${Math.round(share * 100)} % `}${plain(text)}`;
}

function Time({ path, document: one, version, told }) {
  const { query } = useRoute();
  const zoomed = query.get("from") && query.get("to") ? { from: Number(query.get("from")), to: Number(query.get("to")) } : null;
  const range = RANGES[query.get("range")] ? query.get("range") : "1h";
  const { past, cycles, plan, at, problem } = usePast(path, zoomed, RANGES[range], version);
  useEffect(() => told(plan), [plan]);
  const [chosen, choose] = useState(null);
  const axis = zoomed || { from: at - RANGES[range], to: at + RANGES[range] * AHEAD };
  const drawn = useMemo(() => bars(one, cycles, plan, axis), [one, cycles, plan, axis.from, axis.to]);
  const rows = Math.max(...drawn.map((bar) => bar.row + 1), 1);
  const sentence = cycles.find((cycle) => cycle.cycle === chosen);
  return html`<section aria-labelledby="over-time"><h2 id="over-time">Over time</h2>
    <div class="actions" role="group" aria-label="Time shown">
      ${Object.keys(RANGES).map((each) => html`<button key=${each} aria-pressed=${!zoomed && each === range} onClick=${() => amend({ range: each, from: null, to: null })}>${each}</button>`)}
      ${zoomed && html`<span>${clock(new Date(zoomed.from * 1000).toISOString())} to ${clock(new Date(zoomed.to * 1000).toISOString())}</span>`}
    </div>
    <${Trouble} problem=${problem} />
    <${Curves} past=${past} axis=${axis} zoom=${(from, till) => amend({ from: Math.round(from), to: Math.round(till) })} label=${summary(one, past)} />
    <${Gantt} bars=${drawn} axis=${axis} rows=${rows} label=${`${counted(drawn.length, "execution")} of ${counted(cycles.length, "cycle")} over time; the table below has them`} />
    <${Codes} cycles=${cycles} axis=${axis} chosen=${chosen} choose=${choose} />
    <${Legend} bars=${drawn} cycles=${cycles} />
    <p class="sentence" role="status">${sentence ? html`<a href=${to(["schedules", one.name, "cycles", sentence.cycle])}>Cycle ${sentence.cycle}</a>: ${sentence.decision?.reason}${sentence.error ? ` – ${sentence.error}` : ""}` : cycles.length ? "Choose a mark above to read why." : ""}</p>
    <${Next} plan=${plan} />
    <${Cycles} name=${one.name} cycles=${cycles} />
  </section>`;
}

/** The past and the plan, asked for when the schedule has changed and now and then besides. */
function usePast(path, zoomed, seconds, version) {
  const key = useCell(keyed);
  const [state, setState] = useState({ past: null, cycles: [], plan: null, at: Date.now() / 1000, problem: null });
  const [memory] = useState({ failures: 0 });
  usePolling(
    async ({ signal }) => {
      const at = Date.now() / 1000;
      const [from, till] = zoomed ? [zoomed.from, zoomed.to] : [at - seconds, at];
      const span = `from=${stamp(from)}&to=${stamp(till)}`;
      const wanted = [`${path}/series?${span}`, `${path}/cycles?${span}&top=${MOST_CYCLES}`];
      try {
        const [past, cycles] = await Promise.all(wanted.map((each) => call("GET", each, { signal })));
        const plan = await call("GET", `${path}/plan`, { signal }).catch((problem) => ({ data: { problem: problem.message } }));
        memory.failures = 0;
        setState({ past: past.data, cycles: cycles.data.value, plan: plan.data, at, problem: null });
        return IDLE_LOOK * 1000;
      } catch (problem) {
        if (!(problem instanceof Problem)) return Infinity;
        setState((before) => ({ ...before, problem }));
        return pauseAfter(problem, memory.failures++);
      }
    },
    IDLE_LOOK * 1000,
    [path, zoomed?.from, zoomed?.to, seconds, version, key],
  );
  return state;
}

const stamp = (seconds) => new Date(seconds * 1000).toISOString();

/** Executions that were, that are at work, and that are planned. */
function bars(one, cycles, plan, axis) {
  const now = Date.now() / 1000;
  const found = cycles.flatMap(barsOf);
  const known = atWork(one).filter((each) => each.since || each.startedAt);
  if (known.length) {
    found.push(...known.map((each) => ({ row: each.index, from: millis(each.since || each.startedAt) / 1000, to: now, kind: "now", title: `execution ${each.index} at work: ${counted(each.processed ?? 0, "message")} processed` })));
  } else if (one.phase === "processing" && one.backlog) {
    const from = millis(one.backlog.measuredAt) / 1000;
    found.push(...Array.from({ length: working(one) }, (_, row) => ({ row, from, to: now, kind: "now", title: `execution ${row} at work` })));
  }
  if (plan?.decision && !plan.blockedBy) {
    const from = Math.max(millis(plan.beginsAt) / 1000, millis(one.nextCycleAt) / 1000 || 0, now);
    const long = (axis.to - axis.from) * 0.015;
    const title = `planned: ${counted(plan.decision.executions, "execution")}: ${plan.decision.reason}`;
    found.push(...Array.from({ length: Math.max(plan.decision.executions, 1) }, (_, row) => ({ row, from, to: from + long, kind: "planned", title })));
    if (plan.wait) found.push({ row: 0, from: from + plan.wait.seconds, to: from + plan.wait.seconds + long, kind: "planned", title: `planned: the cycle after it; ${plan.wait.reason}` });
  }
  return found;
}

function summary(one, past) {
  if (!past) return `curves of ${one.name}`;
  const most = (values) => Math.max(...values.map((value) => value ?? 0), 0);
  const sum = (values) => values.reduce((before, value) => before + value, 0);
  return `${one.name} over time: backlog up to ${most(past.backlog)}, up to ${counted(most(past.executions), "execution")}, ${sum(past.processed)} processed, ${sum(past.failed)} failed`;
}

const Legend = ({ bars: drawn, cycles }) => {
  const kinds = [...new Set(drawn.map((bar) => bar.kind))].filter((kind) => !["now", "planned"].includes(kind));
  const codes = [...new Set(cycles.map((cycle) => cycle.decision?.code).filter(Boolean))];
  const entry = (style, text) => html`<li key=${text}><i class=${style} aria-hidden="true"></i>${text}</li>`;
  return html`<ul class="legend" aria-label="Legend">
    ${kinds.map((kind) => entry(kind, `execution ${spaced(kind)}`))}${entry("now", "execution at work")}${entry("dashed", "planned")}
    ${codes.map((code) => entry(code, `decision: ${spaced(code)}`))}
  </ul>`;
};

function Next({ plan }) {
  if (!plan) return null;
  if (plan.problem) return html`<p class="trouble">The next cycle cannot be planned: ${plan.problem}</p>`;
  return html`<p><b>Planned:</b> ${plan.blockedBy ? `nothing begins, ${plan.blockedBy}; otherwise ` : ""}${counted(plan.decision.executions, "execution")}, ${plan.decision.reason}${plan.wait ? `; then ${plan.wait.reason}` : ""}</p>`;
}

const Cycles = ({ name, cycles }) =>
  cycles.length > 0 &&
  html`<h2 id="cycles">Cycles that did something</h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="cycles"><table>
      <thead><tr><th>Cycle</th><th>Began</th><th class="number">Took</th><th class="number">Backlog</th><th class="number">Executions</th><th class="number">Processed</th><th class="number">Failed</th><th class="number">Poison</th><th>Outcome</th></tr></thead>
      <tbody>${cycles.slice(0, 50).map((each) => html`<tr key=${each.cycle}>
        <th scope="row"><a href=${to(["schedules", name, "cycles", each.cycle])}>${each.cycle}</a></th><td>${clock(each.startedAt)}</td>
        <td class="number">${took(each) === null ? "–" : lasting(took(each))}</td><td class="number">${count(each.backlog?.count)}</td><td class="number">${count(each.decision?.executions)}</td>
        <td class="number">${tally(each.processed, each)}</td><td class="number">${tally(each.failed, each)}</td><td class="number">${tally(each.poisoned, each)}</td><td><${Outcome} outcome=${each.outcome} /></td></tr>`)}</tbody></table></div>`;
