// One time axis for all that is drawn of a schedule: the curves, the executions as bars, and the decisions as a strip.

import { html, useEffect, useRef, useState } from "./markup.js";
import { useWidth } from "./parts.js";
import { clock, counted, lasting, millis, spaced } from "./words.js";

const LEFT = 56; // pixels beside the plot, the same for every part, so that times lie below each other
const RIGHT = 48;
const PLOT_HEIGHT = 250;
const ROW = 12;
const MOST_HEIGHT = 220;

/** Colours of the style sheet, drawn again when the system turns dark or light. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

let library = null;
/** uPlot, loaded when the first chart is drawn. */
function plotter() {
  library ??= new Promise((done, failed) => {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "vendor/uplot.css" });
    const script = Object.assign(document.createElement("script"), { src: "vendor/uplot.js", onload: () => done(window.uPlot), onerror: failed });
    document.head.append(sheet, script);
  });
  return library;
}

/** Backlog, executions, and messages processed and failed, over `axis` {from, to} in seconds. `zoom` gets a chosen part. */
export function Curves({ past, axis, zoom, label }) {
  const hold = useRef(null);
  const plot = useRef(null);
  const latest = useRef({});
  const width = useWidth(hold);
  const [theme, setTheme] = useState(0);
  latest.current = { axis, zoom };
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const turn = () => setTheme((before) => before + 1);
    dark.addEventListener("change", turn);
    return () => dark.removeEventListener("change", turn);
  }, []);
  useEffect(() => {
    if (!width) return;
    let gone = false;
    plotter().then((uPlot) => {
      if (gone) return;
      plot.current = new uPlot(options(uPlot, width, latest), columns(past), hold.current);
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = null;
    };
  }, [width, theme]);
  useEffect(() => plot.current?.setData(columns(past)), [past, axis.from, axis.to]);
  return html`<div class="plot" ref=${hold} role="img" aria-label=${label}></div>`;
}

const columns = (past) => (past ? [past.at, past.backlog, past.executions, some(past.processed), some(past.failed)] : [[], [], [], [], []]);
const some = (values) => values.map((value) => value || null); // no bar at all where there was nothing

function options(uPlot, width, latest) {
  const letters = `${Math.max(12, 0.72 * parseFloat(getComputedStyle(document.documentElement).fontSize))}px system-ui, sans-serif`;
  const ink = { font: letters, stroke: colour("faint"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line") } };
  const bars = (name, label) => ({ label, scale: "y", stroke: colour(name), fill: `${colour(name)}55`, width: 1, paths: uPlot.paths.bars({ size: [0.8, 24] }), points: { show: false } });
  return {
    width,
    height: PLOT_HEIGHT,
    padding: [8, 0, 0, 0],
    cursor: { drag: { x: true, y: false, setScale: false } },
    hooks: { setSelect: [(plot) => chosen(plot, latest.current.zoom)] },
    scales: {
      x: { range: () => [latest.current.axis.from, latest.current.axis.to] },
      y: { range: (_, low, high) => [0, Math.max(high, 4) * 1.05] },
      e: { range: (_, low, high) => [0, Math.max(high, 4) * 1.05] },
    },
    axes: [
      { ...ink, space: 70, values: (_, ticks, __, ___, step) => ticks.map((tick, index) => dated(tick, ticks[index - 1], step)) },
      { ...ink, scale: "y", size: LEFT, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? short(tick) : "")) },
      { ...ink, scale: "e", side: 1, size: RIGHT, grid: { show: false }, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")) },
    ],
    series: [
      { label: "time", value: (_, at) => (at ? clock(new Date(at * 1000).toISOString()) : "–") },
      { label: "backlog", scale: "y", stroke: colour("backlog"), width: 2, spanGaps: true, points: { show: false } },
      { label: "executions", scale: "e", stroke: colour("executions"), width: 1.5, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
      bars("processed", "processed"),
      bars("failed", "failed"),
    ],
  };
}

/** A tick of the time axis: the time of day, and the day where it is another than at the tick before. */
function dated(tick, before, step) {
  const [moment, last] = [new Date(tick * 1000), new Date((before ?? 0) * 1000)];
  const time = moment.toLocaleTimeString("en-GB", step < 60 ? {} : { hour: "2-digit", minute: "2-digit" });
  const day = moment.toLocaleDateString("en-CA");
  if (step >= 86_400) return day;
  return moment.toDateString() === last.toDateString() ? time : `${time}\n${day}`;
}

const short = (number) => (number >= 10_000 ? `${number / 1000}k` : number);

function chosen(plot, zoom) {
  if (plot.select.width < 8) return;
  zoom(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

/** Bars over `axis`: [{row, from, to, kind, title}], times in seconds. `kind` is an outcome, "now" or "planned". */
export function Gantt({ bars, axis, rows, label, height = MOST_HEIGHT }) {
  const hold = useRef(null);
  const width = useWidth(hold);
  const size = Math.min(ROW, Math.max(height / Math.max(rows, 1), 2));
  const tall = Math.max(size * rows, ROW) + 4;
  const place = scale(axis, width);
  const now = Date.now() / 1000;
  return html`<div class="gantt" ref=${hold}>
    ${width > 0 && html`<svg width=${width} height=${tall + 18} viewBox=${`0 0 ${width} ${tall + 18}`} role="img" aria-label=${label}>
      <line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${tall} y2=${tall} />
      <text class="axis" x="0" y="11">${rows > 1 ? "executions" : ""}</text>
      ${bars.filter((bar) => bar.to >= axis.from && bar.from <= axis.to).map((bar, index) => {
        const [left, right] = [place(Math.max(bar.from, axis.from)), place(Math.min(bar.to, axis.to))];
        return html`<rect key=${index} class=${`bar ${bar.kind}`} x=${left} y=${bar.row * size + 1} width=${Math.max(right - left, 2)} height=${Math.max(size - 1, 1.5)}><title>${bar.title}</title></rect>`;
      })}
      ${now > axis.from && now < axis.to && html`<line class="mark" x1=${place(now)} x2=${place(now)} y1="0" y2=${tall} /><text class="axis" x=${place(now) - 4} y=${tall + 13} text-anchor="end">now</text>`}
    </svg>`}
  </div>`;
}

const scale = (axis, width) => (at) => LEFT + ((at - axis.from) / (axis.to - axis.from)) * Math.max(width - LEFT - RIGHT, 1);

/** The decisions of `cycles` as a strip of buttons, one tab stop, arrows within. `chosen` is a cycle's number. */
export function Codes({ cycles, axis, chosen: number, choose }) {
  const hold = useRef(null);
  const width = useWidth(hold);
  const place = scale(axis, width);
  const shown = cycles.filter((cycle) => inside(cycle, axis)).toReversed();
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = shown.findIndex((cycle) => cycle.cycle === number);
    const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
    choose(next.cycle);
    hold.current.querySelector(`[data-cycle="${next.cycle}"]`)?.focus();
  };
  const stop = shown.some((cycle) => cycle.cycle === number) ? number : shown.at(-1)?.cycle;
  return html`<div class="codes" ref=${hold} role="group" aria-label="Decisions; arrow keys go from one to the next" onKeyDown=${step}>
    ${width > 0 && shown.map((cycle) => {
      const left = place(millis(cycle.startedAt) / 1000);
      const wide = Math.max(place(millis(cycle.endedAt) / 1000) - left, 8);
      return html`<button key=${cycle.cycle} data-cycle=${cycle.cycle} class=${cycle.decision?.code || ""} style=${{ left: `${Math.min(left, width - RIGHT - 8)}px`, width: `${wide}px` }}
        tabindex=${cycle.cycle === stop ? 0 : -1} aria-pressed=${cycle.cycle === number} aria-label=${`cycle ${cycle.cycle}, ${clock(cycle.startedAt)}: ${spaced(cycle.decision?.code)}`} onClick=${() => choose(cycle.cycle)}></button>`;
    })}
  </div>`;
}

const inside = (cycle, axis) => cycle.startedAt && millis(cycle.endedAt || cycle.startedAt) / 1000 >= axis.from && millis(cycle.startedAt) / 1000 <= axis.to;

/** The executions of a cycle as bars. */
export const barsOf = (cycle) =>
  (cycle.executions || []).filter((one) => one.startedAt).map((one) => ({
    row: one.index,
    from: millis(one.startedAt) / 1000,
    to: millis(one.endedAt || one.startedAt) / 1000,
    kind: one.outcome,
    title: `cycle ${cycle.cycle}, execution ${one.index}: ${one.outcome}, ${counted(one.processed ?? 0, "message")} processed, ${lasting((millis(one.endedAt) - millis(one.startedAt)) / 1000)}${one.error ? `; ${one.error}` : ""}`,
  }));
