// The session: the token, whose it is, and the accounts that were opened with it. It is in
// sessionStorage, so it ends with the tab, and other tabs do not have it.
/** @import { Session } from "../types.js" */

const place = "console.session";

/** @returns {Session | null} */
export function load() {
  return JSON.parse(sessionStorage.getItem(place) ?? "null");
}

/** @param {Session} session */
export function save(session) {
  sessionStorage.setItem(place, JSON.stringify(session));
}

/** Ends the session. What the person chose, such as the theme, stays. */
export function end() {
  sessionStorage.removeItem(place);
}

/** Forgets everything that this page has stored. */
export function forget() {
  sessionStorage.clear();
  localStorage.clear();
}

/** Begins a session. The account is that of the token unless it is given. @param {string} token @param {string | null} [account] */
export function begin(token, account) {
  /** @type {Session} */
  const session = { token, account: account || claimsOf(token).account, accounts: [] };
  save(session);
  return session;
}

/**
 * Takes token and account out of the fragment, such as #token=T&account=A&t=75. The address bar
 * and the history lose them at once.
 */
export function fromFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return null;
  const account = given.get("account");
  given.delete("token");
  given.delete("account");
  history.replaceState(null, "", location.pathname + location.search + (given.size ? `#${given}` : ""));
  return begin(token.trim(), account);
}

/**
 * Returns what a JWT says about its bearer. The API checks it; this page only reads it.
 * @param {string} token @returns {{account: string, owner: string}}
 */
export function claimsOf(token) {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return { account: String(claims.account_id ?? ""), owner: String(claims.owner_id ?? "") };
  } catch {
    return { account: "", owner: "" };
  }
}
