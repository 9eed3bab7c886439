// Numbers, times and commands in words.

/** A count with its thousands apart. */
export const count = (number) => (number === null || number === undefined ? "–" : number.toLocaleString("en"));

/** A count of a cycle, an execution or of totals; `≥ 37` where it is a lower bound, because a run ended without a word. */
export const tally = (number, { atLeast }) => `${atLeast ? "≥ " : ""}${count(number)}`;

/** `1 message`, `3 messages`. */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** A length of time in seconds: `0.4 s`, `12 s`, `3 min`, `2.5 h`, `4 d`. */
export function lasting(seconds) {
  const size = Math.abs(seconds);
  if (size < 10) return `${Math.round(size * 10) / 10} s`;
  if (size < 120) return `${Math.round(size)} s`;
  if (size < 7200) return `${Math.round(size / 60)} min`;
  if (size < 172_800) return `${Math.round(size / 360) / 10} h`;
  return `${Math.round(size / 86_400)} d`;
}

/** A moment as seen from `now`, both in milliseconds: `in 12 s`, `3 min ago`. */
export function relative(moment, now) {
  const seconds = (moment - now) / 1000;
  if (Math.abs(seconds) < 1) return "now";
  const whole = Math.abs(seconds) < 120 ? `${Math.round(Math.abs(seconds))} s` : lasting(seconds);
  return seconds > 0 ? `in ${whole}` : `${whole} ago`;
}

/** The clock time of an RFC 3339 text, with the day where it is not today. */
export function clock(text) {
  if (!text) return "–";
  const moment = new Date(text);
  const time = moment.toLocaleTimeString("en-GB");
  return moment.toDateString() === new Date().toDateString() ? time : `${day(moment)} ${time}`;
}

/** A moment in full, for titles and tables. */
export const full = (text) => (text ? new Date(text).toISOString().replace("T", " ").replace(/\.\d+Z$/, " UTC") : "–");

const day = (moment) => moment.toLocaleDateString("en-CA");

/** Milliseconds since 1970 of an RFC 3339 text; null without one. */
export const millis = (text) => (text ? Date.parse(text) : null);

/** Seconds that something with startedAt and endedAt took; null where one is missing. */
export const took = ({ startedAt, endedAt }) => (startedAt && endedAt ? (millis(endedAt) - millis(startedAt)) / 1000 : null);

/** A text as one word for a shell. */
export const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** The `ebb` command of these words; empty ones are left out. */
export const command = (...words) => ["ebb", ...words.filter((word) => word !== null && word !== "" && word !== undefined)].join(" ");

/** `--reason 'why'`, with a placeholder while there is none. */
export const reasonOption = (reason) => `--reason ${quoted(reason || "…")}`;

/** A JSON value as people write it: texts bare, the rest as JSON. */
export const plain = (value) => (typeof value === "string" ? value : value === undefined ? "" : JSON.stringify(value));

/** A code as words: `heldToMaximum` is `held to maximum`. */
export const spaced = (code) => (code || "").replace(/([a-z])([A-Z])/g, (_, a, b) => `${a} ${b.toLowerCase()}`);
