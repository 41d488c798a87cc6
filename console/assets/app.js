// The page: which view is shown, and how its parts work together.
import { showAccounts, directory } from "./accounts.js";
import { Api } from "./api.js";
import { exportCsv } from "./csv.js";
import { byId, h } from "./dom.js";
import "./filters.js";
import { showHelp } from "./help.js";
import { announceLanguage, language, languages, setLanguage, t, translate } from "./i18n.js";
import { showLogin } from "./login.js";
import { shortcuts, singleKeys } from "./keys.js";
import "./recording-details.js";
import "./recording-list.js";
import "./recording-player.js";
import "./upload.js";
import * as sessions from "./session.js";
import { setUpTheme } from "./theme.js";
import { countFilters, noFilters, parseView, viewQuery } from "./view.js";
/** @import { Recording, Shortcut } from "../types.js" */

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

/** Shows the login, and afterwards the place where the person was. @param {string} reason */
function logIn(reason) {
  session = null;
  byId("console").hidden = true;
  byId("menu").hidePopover();
  list.stop();
  player.recording = null;
  showLogin(byId("login"), base, reason, start);
}

/** @param {sessions.Session} begun */
function start(begun) {
  session = begun;
  byId("login").hidden = true;
  byId("console").hidden = false;
  view.account ||= session.account;
  openAccount();
  const at = Number(new URLSearchParams(location.hash.slice(1)).get("t"));
  if (view.recording) openById(view.recording, at);
}

/** Lists the account of the view. */
function openAccount() {
  if (!session) return;
  const { token } = session;
  api = new Api({ base, account: view.account, token, onUnauthorized: () => session?.token === token && expire() });
  const tools = byId("tools").firstElementChild;
  for (const el of [list, player, details, filters, tools]) if (el) Object.assign(el, { api });
  filters.value = view.filters;
  list.ownAccount = session.account;
  showFilterCount();
  list.filters = view.filters;
  const shown = session;
  const current = api;
  showAccounts(shown, view.account, new Map(), switchAccount);
  list.loaded.then(async () => {
    const { accounts, users } = await directory(current);
    if (api !== current) return;
    list.owners = filters.owners = users;
    if (accounts.size) showAccounts(shown, view.account, accounts, switchAccount);
  });
}

function expire() {
  sessions.end();
  logIn(t("login.expired"));
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

function showFilterCount() {
  const n = countFilters(view.filters);
  byId("filter-toggle").textContent = n ? t("filters.active", { n }) : t("filters.show");
}

/**
 * @param {Recording} recording
 * @param {{play?: boolean, at?: number}} [how]
 */
function openRecording(recording, { play = false, at = 0 } = {}) {
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

/** Opens the recording that a link or the history names. @param {string} id @param {number} [at] */
async function openById(id, at) {
  try {
    openRecording((await api.get(id)).recording, { at });
  } catch (err) {
    if (!session) return;
    notify(t(/** @type {any} */ (err).status === 404 ? "app.gone" : "app.unavailable"));
  }
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
  noticeTimer = setTimeout(() => (byId("notice").textContent = ""), 8000);
}

async function runExport() {
  const button = byId("export");
  if (exporting) return exporting.abort();
  exporting = new AbortController();
  button.textContent = t("csv.cancel");
  let n = 0;
  const progress = (/** @type {number} */ count) => notify(t("csv.running", { n: (n = count) }));
  try {
    await exportCsv(api, view.filters, progress, exporting.signal);
    notify(t("csv.done", { n }));
  } catch {
    notify(exporting.signal.aborted ? "" : t("csv.failed", { n }));
  }
  exporting = null;
  button.textContent = t("csv.export");
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const typing = /** @type {Element} */ (event.target).matches?.("input, textarea, select, [contenteditable]");
  if (!session || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || part("dialog[open]")) return;
  if (event.key === "Escape" && view.recording && !part("[popover]:popover-open") && !typing) closeRecording();
  else if (typing || !singleKeys.on) return;
  else if (event.key === "?") showHelp(shortcuts);
  else if (event.key === "/") filters.focusSearch();
  else return;
  event.preventDefault();
}

function setUp() {
  announceLanguage();
  translate(document);
  byId("tools").append(h("recording-upload"));
  document.title = t("app.title");
  setUpTheme();
  const choice = /** @type {HTMLSelectElement} */ (byId("language"));
  choice.replaceChildren(...Object.entries(languages).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
  choice.onchange = () => setLanguage(choice.value);
  byId("logout").onclick = () => {
    sessions.forget();
    location.replace(location.pathname);
  };
  byId("help-button").onclick = () => showHelp(shortcuts);
  byId("export").onclick = runExport;
  byId("close-details").onclick = () => closeRecording();
  byId("filter-toggle").onclick = () => filters.toggle(byId("filter-toggle"));
  addEventListener("keydown", onKey);
  wide.addEventListener("change", coverList);
}

function connect() {
  filters.addEventListener("change", () => {
    view.filters = filters.value;
    remember("replaceState");
    showFilterCount();
    list.filters = view.filters;
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
    el.addEventListener("changed", (/** @type {CustomEvent} */ e) => list.replace(e.detail.recording));
    el.addEventListener("deleted", (/** @type {CustomEvent} */ e) => {
      list.drop(e.detail.id);
      if (e.detail.id === view.recording) closeRecording();
    });
  }
  addEventListener("popstate", () => {
    const before = view;
    view = parseView(location.search);
    view.account ||= session?.account ?? "";
    if (!session) return;
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
