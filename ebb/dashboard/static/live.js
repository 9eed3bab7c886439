// What changes by itself: values that components share, documents that are asked for again and again, and the clock.

import { useEffect, useState } from "./markup.js";

/** A value that components can follow. */
export function cell(value) {
  const followers = new Set();
  return {
    get value() {
      return value;
    },
    set(next) {
      if (next === value) return;
      value = next;
      for (const follower of [...followers]) follower(value);
    },
    follow(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
  };
}

/** The present value of a cell; the component is drawn again when it changes. */
export function useCell(source) {
  const [value, setValue] = useState(source.value);
  useEffect(() => {
    setValue(source.value);
    return source.follow(setValue);
  }, [source]);
  return value;
}

const clock = cell(Date.now());
setInterval(() => document.hidden || clock.set(Date.now()), 1000);

/** The time in milliseconds, to the second. */
export const useNow = () => useCell(clock);

const nudges = cell(0);
/** Have every document asked for at once, after something was changed. */
export const refresh = () => nudges.set(nudges.value + 1);

/**
 * Run `look` now and `every` milliseconds after it has ended, for as long as the tab can be seen; at once when it is
 * seen again, after `refresh`, and when `deps` change. `look` gets {signal} and may return another pause.
 */
export function usePolling(look, every, deps) {
  useEffect(() => {
    const stop = new AbortController();
    let timer = 0;
    let busy = false;
    const again = async () => {
      clearTimeout(timer);
      if (stop.signal.aborted || document.hidden || busy) return;
      busy = true;
      const pause = (await look({ signal: stop.signal }).catch(() => every)) || every;
      busy = false;
      if (!stop.signal.aborted && pause < Infinity) timer = setTimeout(again, pause);
    };
    const forget = nudges.follow(again);
    document.addEventListener("visibilitychange", again);
    again();
    return () => {
      stop.abort();
      forget();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", again);
    };
  }, deps);
}

/** The pause after failure number `failures` in a row, in milliseconds; none ends it where only the user can help. */
export function pauseAfter(problem, failures) {
  if (problem.status === 401 || problem.status === 403 || problem.status === 404) return Infinity;
  return Math.min(1000 * 2 ** failures, 5000);
}
