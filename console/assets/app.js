// The page: which view is shown, and how its parts work together.
import { directory, showAccounts } from "./accounts.js";
import { Api } from "./api.js";
import { exportCsv } from "./csv.js";
import { byId, h } from "./dom.js";
import "./filters.js";
import { showHelp } from "./help.js";
import { language, languages, setLanguage, t, translate } from "./i18n.js";
import { singleKeys } from "./keys.js";
import { showLogin } from "./login.js";
import "./recording-details.js";
import "./recording-list.js";
import "./recording-player.js";
import * as sessions from "./session.js";
import { setUpTheme } from "./theme.js";
import "./upload.js";
import { countFilters, noFilters, parseView, viewQuery } from "./view.js";
/** @import { Recording } from "../types.js" */

/** @param {string} selector @returns {any} */
const part = (selector) => document.querySelector(selector);
const list = part("recording-list");
const filters = part("recording-filters");
const player = part("recording-player");
const details = part("recording-details");
const wide = matchMedia("(min-width: 64rem)");
const base = new URL("..", location.href.split(/[?#]/)[0]).href;

let view = parseView(location.search);
/** @type {sessions.Session | null} */
let session = null;
/** @type {Api} */
let api;
/** @type {AbortController | null} */
let exporting = null;

/** Shows the login; after it the page goes on where it was. @param {string} reason */
function logIn(reason) {
  session = null;
  list.stop();
  exporting?.abort();
  player.recording = details.recording = null;
  byId("console").hidden = true;
  showLogin(byId("login"), base, reason, start);
}

/** @param {sessions.Session} begun */
function start(begun) {
  session = begun;
  byId("login").hidden = true;
  byId("console").hidden = false;
  view.account ||= session.account;
  openAccount();
  if (view.recording) openById(view.recording, Number(new URLSearchParams(location.hash.slice(1)).get("t")));
}

/** Lists the account of the view. */
function openAccount() {
  if (!session) return;
  const mine = session;
  const current = (api = new Api({ base, account: view.account, token: mine.token, onUnauthorized: () => {
    if (session !== mine) return;
    sessions.end();
    logIn(t("login.expired"));
  } }));
  for (const el of [list, player, details, ...byId("tools").children]) Object.assign(el, { api });
  showAccounts(mine, view.account, new Map(), switchAccount);
  list.ownAccount = mine.account;
  filters.value = view.filters;
  applyFilters();
  list.loaded.then(async () => {
    if (session !== mine) return;
    const { accounts, users } = await directory(current, mine);
    if (api !== current) return;
    list.owners = filters.owners = users;
    if (accounts.size) showAccounts(mine, view.account, accounts, switchAccount);
  });
}

function applyFilters() {
  const n = countFilters(view.filters);
  byId("filter-toggle").textContent = t(n ? "filters.active" : "filters.label", { n });
  list.filters = view.filters;
}

/** @param {string} account */
function switchAccount(account) {
  closeRecording(false);
  view = { account, filters: { ...view.filters, owner: "" }, recording: "" };
  remember("pushState");
  byId("menu").hidePopover();
  openAccount();
}

/** Writes the view into the address bar. @param {"pushState" | "replaceState"} how */
function remember(how) {
  history[how](null, "", location.pathname + viewQuery(view));
}

/** @param {Recording} recording @param {{play?: boolean, at?: number}} how at: seconds */
function openRecording(recording, { play = false, at = 0 }) {
  if (view.recording !== recording.id) {
    const how = view.recording ? "replaceState" : "pushState";
    view.recording = recording.id;
    remember(how);
  }
  byId("player").hidden = byId("details").hidden = false;
  player.toggleAttribute("autoplay", play);
  player.startAt = at;
  player.recording = details.recording = recording;
  list.selected = recording.id;
  coverList();
}

/** Opens the recording that a link or the history names. @param {string} id @param {number} [at] seconds */
async function openById(id, at) {
  const found = await api.get(id).catch(({ status }) => { if (session) notify(t(status === 404 ? "app.gone" : "app.unavailable")); });
  if (found && view.recording === id) openRecording(found.recording, { at });
}

/** @param {boolean} [write] whether the address bar follows */
function closeRecording(write = true) {
  byId("player").hidden = byId("details").hidden = true;
  player.recording = details.recording = null;
  list.selected = "";
  coverList();
  if (!view.recording || !write) return;
  view.recording = "";
  remember("pushState");
  list.focusRow();
}

/** On a small screen the details cover the list, which then must not take the focus. */
function coverList() {
  const covered = !wide.matches && !byId("details").hidden;
  byId("list").inert = byId("filters").inert = covered;
  if (covered) byId("close-details").focus();
}

let noticeTimer = 0;
/** @param {string} text */
function notify(text) {
  byId("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { byId("notice").textContent = ""; }, 8000);
}

async function runExport() {
  if (exporting) return exporting.abort();
  const { signal } = (exporting = new AbortController());
  let n = 0;
  const progress = (/** @type {number} */ count) => notify(t("csv.running", { n: (n = count) }));
  byId("export").textContent = t("csv.cancel");
  await exportCsv(api, view.filters, progress, signal).then(
    () => notify(t("csv.done", { n })), () => notify(signal.aborted ? "" : t("csv.failed", { n })));
  exporting = null;
  byId("export").textContent = t("csv.export");
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { key, target, defaultPrevented, ctrlKey, metaKey, altKey } = event;
  const typing = /** @type {Element} */ (target).matches?.("input, textarea, select, [contenteditable]");
  if (!session || defaultPrevented || ctrlKey || metaKey || altKey || typing || part("dialog[open], :popover-open")) return;
  if (key === "Escape" && view.recording) closeRecording();
  else if (key === "?" && singleKeys.on) showHelp();
  else if (key === "/" && singleKeys.on) filters.focusSearch();
  else return;
  event.preventDefault();
}

function setUp() {
  translate(document);
  setUpTheme();
  const choice = /** @type {HTMLSelectElement} */ (byId("language"));
  choice.append(...Object.entries(languages).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
  choice.onchange = () => setLanguage(choice.value);
  byId("logout").onclick = () => {
    sessions.forget();
    location.replace(location.pathname);
  };
  byId("help-button").onclick = showHelp;
  byId("export").onclick = runExport;
  byId("close-details").onclick = () => closeRecording();
  const toggle = byId("filter-toggle");
  toggle.ariaExpanded = String(wide.matches);
  toggle.onclick = () => filters.toggle(toggle);
  addEventListener("keydown", onKey);
  wide.addEventListener("change", coverList);
}

function connect() {
  filters.addEventListener("change", () => {
    view.filters = filters.value;
    remember("replaceState");
    applyFilters();
  });
  list.addEventListener("select", (/** @type {CustomEvent} */ e) => openRecording(e.detail.recording, e.detail));
  list.addEventListener("reset", () => {
    filters.value = { ...noFilters };
    filters.dispatchEvent(new Event("change"));
  });
  list.addEventListener("own-account", () => session && switchAccount(session.account));
  player.addEventListener("next", () => list.next());
  player.addEventListener("previous", () => list.previous());
  for (const el of [player, details, byId("tools")]) {
    el.addEventListener("changed", (/** @type {CustomEvent} */ e) => {
      list.replace(e.detail.recording);
      if (e.detail.recording.id === view.recording) player.recording = e.detail.recording;
    });
    el.addEventListener("deleted", (/** @type {CustomEvent} */ e) => {
      list.drop(e.detail.id);
      if (e.detail.id === view.recording) closeRecording();
    });
  }
  document.addEventListener("restored", () => list.reload());
  addEventListener("popstate", () => {
    const before = view;
    view = parseView(location.search);
    if (!session) return;
    view.account ||= session.account;
    if (viewQuery({ ...view, recording: "" }) !== viewQuery({ ...before, recording: "" })) openAccount();
    if (!view.recording) closeRecording(false);
    else if (view.recording !== before.recording) openById(view.recording);
  });
  addEventListener("hashchange", () => {
    const begun = sessions.fromFragment();
    if (begun) start(begun);
  });
}

setUp();
connect();
const begun = sessions.fromFragment() ?? sessions.load();
if (begun) start(begun);
else logIn("");
