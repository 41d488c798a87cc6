// The page: which view is shown, and how its parts work together.
import { directory, showAccounts } from "./accounts.js";
import { Api } from "./api.js";
import { exportCsv } from "./csv.js";
import { find, h, on } from "./dom.js";
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
/** @import { Recording, Session } from "../types.js" */

const list = find("recording-list");
const filters = find("recording-filters");
const player = find("recording-player");
const details = find("recording-details");
const wide = matchMedia("(min-width: 64rem)");
const base = new URL("..", location.href.split(/[?#]/)[0]).href;

let view = parseView(location.search);
/** @type {Session | null} */
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
  find("#console").hidden = true;
  showLogin(find("#login"), base, reason, start);
}

/** @param {Session} begun */
function start(begun) {
  session = begun;
  find("#login").hidden = true;
  find("#console").hidden = false;
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
  for (const el of [list, player, details, ...find("#tools").children]) Object.assign(el, { api });
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
  find("#filter-toggle").textContent = t(n ? "filters.active" : "filters.label", { n });
  list.filters = view.filters;
}

/** @param {string} account */
function switchAccount(account) {
  closeRecording(false);
  view = { account, filters: { ...view.filters, owner: "" }, recording: "" };
  remember("pushState");
  find("#menu").hidePopover();
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
  find("#player").hidden = find("#details").hidden = false;
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
  find("#player").hidden = find("#details").hidden = true;
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
  const covered = !wide.matches && !find("#details").hidden;
  find("#list").inert = find("#filters").inert = covered;
  if (covered) find("#close-details").focus();
}

let noticeTimer = 0;
/** @param {string} text */
function notify(text) {
  find("#notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { find("#notice").textContent = ""; }, 8000);
}

async function runExport() {
  if (exporting) return exporting.abort();
  const { signal } = (exporting = new AbortController());
  let n = 0;
  const progress = (/** @type {number} */ count) => notify(t("csv.running", { n: (n = count) }));
  find("#export").textContent = t("csv.cancel");
  await exportCsv(api, view.filters, progress, signal).then(
    () => notify(t("csv.done", { n })), () => notify(signal.aborted ? "" : t("csv.failed", { n })));
  exporting = null;
  find("#export").textContent = t("csv.export");
}

/** @param {any} event */
function onKey(event) {
  const { key, target, defaultPrevented, ctrlKey, metaKey, altKey } = event;
  const typing = target.matches?.("input, textarea, select, [contenteditable]");
  if (!session || defaultPrevented || ctrlKey || metaKey || altKey || typing || find("dialog[open], :popover-open")) return;
  if (key === "Escape" && view.recording) closeRecording();
  else if (key === "?" && singleKeys.on) showHelp();
  else if (key === "/" && singleKeys.on) filters.focusSearch();
  else return;
  event.preventDefault();
}

function setUp() {
  translate(document);
  setUpTheme();
  const choice = find("#language");
  choice.append(...Object.entries(languages).map(([value, name]) => h("option", { value, lang: value, selected: value === language }, name)));
  choice.onchange = () => setLanguage(choice.value);
  find("#logout").onclick = () => {
    sessions.forget();
    location.replace(location.pathname);
  };
  find("#help-button").onclick = showHelp;
  find("#export").onclick = runExport;
  find("#close-details").onclick = () => closeRecording();
  const toggle = find("#filter-toggle");
  toggle.ariaExpanded = String(wide.matches);
  toggle.onclick = () => filters.toggle(toggle);
  on(window, "keydown", onKey);
  on(wide, "change", coverList);
}

function connect() {
  on(filters, "change", () => {
    view.filters = filters.value;
    remember("replaceState");
    applyFilters();
  });
  on(list, "select", (e) => openRecording(e.detail.recording, e.detail));
  on(list, "reset", () => {
    filters.value = { ...noFilters };
    filters.dispatchEvent(new Event("change"));
  });
  on(list, "own-account", () => session && switchAccount(session.account));
  on(player, "next", () => list.next());
  on(player, "previous", () => list.previous());
  for (const el of [player, details, find("#tools")]) {
    on(el, "changed", (e) => {
      list.replace(e.detail.recording);
      if (e.detail.recording.id === view.recording) player.recording = e.detail.recording;
    });
    on(el, "deleted", (e) => {
      list.drop(e.detail.id);
      if (e.detail.id === view.recording) closeRecording();
    });
  }
  on(document, "restored", () => list.reload());
  on(window, "popstate", () => {
    const before = view;
    view = parseView(location.search);
    if (!session) return;
    view.account ||= session.account;
    if (viewQuery({ ...view, recording: "" }) !== viewQuery({ ...before, recording: "" })) openAccount();
    if (!view.recording) closeRecording(false);
    else if (view.recording !== before.recording) openById(view.recording);
  });
  on(window, "pageshow", ({ persisted }) => { // the browser may show the page again after logging out
    if (persisted && !sessions.load()) location.reload();
  });
  on(window, "hashchange", () => {
    const begun = sessions.fromFragment();
    if (begun) start(begun);
  });
}

setUp();
connect();
const begun = sessions.fromFragment() ?? sessions.load();
if (begun) start(begun);
else logIn("");
