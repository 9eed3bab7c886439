// Small parts that several pages use.

import { html, useEffect, useRef, useState } from "./markup.js";
import { call, keyed, Problem } from "./api.js";
import { pauseAfter, useCell, useNow, usePolling } from "./live.js";
import { full, millis, relative } from "./words.js";

/** The document at `path`, asked for every `every` milliseconds: {data, etag, problem}. */
export function useDocument(path, every = 2000) {
  const key = useCell(keyed);
  const [state, setState] = useState({});
  const [memory] = useState({});
  usePolling(
    async ({ signal }) => {
      if (!path) return Infinity;
      if (memory.path !== path) Object.assign(memory, { path, etag: null, failures: 0 });
      try {
        const answer = await call("GET", path, { etag: memory.etag, signal });
        memory.failures = 0;
        if (answer.status === 304) {
          setState((before) => (before.problem ? { ...before, problem: null } : before));
        } else {
          memory.etag = answer.etag;
          setState({ path, data: answer.data, etag: answer.etag, problem: null });
        }
      } catch (problem) {
        if (!(problem instanceof Problem)) return every;
        setState((before) => ({ ...(before.path === path ? before : { path }), problem }));
        return pauseAfter(problem, memory.failures++);
      }
      return every;
    },
    every,
    [path, key],
  );
  return state.path === path ? state : {};
}

/** The heading of a page, which has the focus when the page opens, so that readers and keys begin there. */
export function Title({ children }) {
  const hold = useRef(null);
  useEffect(() => {
    hold.current.focus({ preventScroll: true });
    document.title = `${hold.current.textContent} · Ebb`;
  }, []);
  return html`<h1 tabindex="-1" ref=${hold}>${children}</h1>`;
}

/** A schedule's state as a word in its colour. */
export const State = ({ document: { state, phase } }) =>
  html`<span class=${`state ${state}`}>${state}</span>${phase && html`<span class="phase"> ${phase}</span>`}`;

/** A moment as seen from now, kept up to date; its title has it in full. */
export function Moment({ at, none = "–" }) {
  const now = useNow();
  return at ? html`<time datetime=${at} title=${full(at)}>${relative(millis(at), now)}</time>` : none;
}

/** Outcome of a cycle or an execution. */
export const Outcome = ({ outcome }) => (outcome ? html`<span class=${`outcome ${outcome}`}>${outcome}</span>` : null);

/** What went wrong with a document, where something did. */
export const Trouble = ({ problem }) =>
  problem && problem.status ? html`<p class="trouble" role="alert">${problem.message}</p>` : null;

/** A small curve of [time, value] pairs. The text beside it has the number; this is for the eye alone. */
export function Sparkline({ points, label }) {
  if (points.length < 2) return null;
  const [width, height] = [110, 24];
  const [first, last] = [points[0][0], points.at(-1)[0]];
  const top = Math.max(...points.map(([, value]) => value), 1);
  const place = ([at, value]) =>
    `${(((at - first) / (last - first || 1)) * width).toFixed(1)},${(height - 1 - (value / top) * (height - 3)).toFixed(1)}`;
  const line = points.map(place).join(" ");
  return html`<svg class="spark" viewBox="0 0 ${width} ${height}" role="img" aria-label=${label}>
    <polygon points=${`0,${height} ${line} ${width},${height}`} /><polyline points=${line} />
  </svg>`;
}

/** The width of an element, followed as it changes. `hold` is its ref. */
export function useWidth(hold) {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width)));
    watch.observe(hold.current);
    return () => watch.disconnect();
  }, []);
  return width;
}
