// The frame around the pages: who the caller is, whether the app answers, and which page the address names.

import { html, render, useEffect, useState } from "./markup.js";
import { access, answering, askAccess, keyed, signInWith, takeKey } from "./api.js";
import { Ask } from "./actions.js";
import { useCell } from "./live.js";
import { Overview } from "./overview.js";
import { Title } from "./parts.js";
import { reread, to, useRoute } from "./route.js";

const PAGES = {
  "": ["./schedule.js", "Schedule", "Schedule"],
  cycles: ["./cycle.js", "Cycle", null],
  poison: ["./poison.js", "Poison", "Poison"],
  settings: ["./settings.js", "Settings", "Settings"],
  events: ["./events.js", "Events", "Events"],
};

function App() {
  const { parts } = useRoute();
  const key = useCell(keyed);
  const { denied, who, version, readOnly } = useCell(access);
  useEffect(() => void askAccess(), [key]);
  const place = parts.join("/");
  useEffect(() => scrollTo(0, 0), [place]);
  return html`<a class="skip" href="#main" onClick=${skip}>To the content</a>
    <header class="top">
      <a class="brand" href=${to([])}>Ebb</a>
      <nav aria-label="Pages"><a href=${to([])} aria-current=${parts.length ? null : "page"}>Schedules</a></nav>
      <span class="faint">${[who, readOnly && "read only", version].filter(Boolean).join(" · ")}</span>
    </header>
    <${Banner} />
    <main id="main" tabindex="-1">${denied ? html`<${Door} why=${denied} />` : html`<${Page} parts=${parts} />`}</main>
    <${Ask} />`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

/** Says when the app does not answer. It goes away by itself: every page goes on asking. */
const Banner = () =>
  useCell(answering) ? null : html`<p class="banner" role="alert">The app does not answer. What is shown may be old; the page goes on asking.</p>`;

function Page({ parts }) {
  if (!parts.length) return html`<${Overview} key="overview" />`;
  const [kind, name, page = ""] = parts;
  if (kind !== "schedules" || !name || !PAGES[page]) return html`<${Title}>There is no such page<//><p><a href=${to([])}>To the schedules</a></p>`;
  return html`<${Tabs} name=${name} page=${page} /><${Later} key=${parts.join("/")} module=${PAGES[page][0]} component=${PAGES[page][1]} name=${name} rest=${parts.slice(3)} />`;
}

const Tabs = ({ name, page }) => html`<nav class="tabs" aria-label=${`Pages of ${name}`}>
  ${Object.entries(PAGES).map(([each, [, , title]]) => title && html`<a key=${each} href=${to(["schedules", name, each].filter(Boolean))} aria-current=${each === page ? "page" : each === "" && page === "cycles" ? "true" : null}>${title}</a>`)}
</nav>`;

/** A page whose code is loaded when it is first needed. */
function Later({ module, component, ...given }) {
  const [Loaded, setLoaded] = useState(null);
  useEffect(() => {
    import(module).then((found) => setLoaded(() => found[component]), () => answering.set(false));
  }, [module]);
  return Loaded ? html`<${Loaded} ...${given} />` : html`<p class="waiting">Loading …</p>`;
}

const REASONS = {
  noKey: "This app asks for its function key.",
  wrongKey: "The app does not accept this key: it is wrong, or was renewed.",
  notSignedIn: "You are not signed in.",
  notAllowed: "You are signed in, and have no role in this app. Ask for Ebb.Reader or Ebb.Operator.",
};

function Door({ why }) {
  const [key, setKey] = useState("");
  const enter = (event) => {
    event.preventDefault();
    signInWith(key.trim());
  };
  const back = `/.auth/login/aad?post_login_redirect_uri=${encodeURIComponent(location.pathname)}`;
  return html`<${Title}>Who are you?<//>
    <p role="alert">${REASONS[why]}</p>
    ${why.endsWith("Key")
      ? html`<form class="door" onSubmit=${enter}>
          <label>Function key <input type="password" autocomplete="off" required value=${key} onInput=${(event) => setKey(event.target.value)} /></label>
          <button class="main">Go on</button>
          <p class="faint">It stays in this tab and is forgotten with it. The command <code>ebb dashboard</code> opens this page with the key of EBB_KEY.</p>
        </form>`
      : html`<p><a href=${back}>Sign in${why === "notAllowed" ? " as somebody else" : ""}</a></p>`}`;
}

addEventListener("hashchange", () => {
  if (location.hash.startsWith("#key=")) {
    takeKey();
    keyed.set(keyed.value + 1);
    reread();
  }
});
takeKey();
reread();
const hold = document.getElementById("app");
hold.textContent = "";
render(html`<${App} />`, hold);
