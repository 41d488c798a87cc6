// The session: the token, whose it is, and the accounts that were opened with it. It lives in
// sessionStorage, so it ends with the tab, and other tabs do not have it.

const place = "console.session";

/**
 * @typedef {Object} Session
 * @property {string} token
 * @property {string} account the account of the token
 * @property {string} owner the user of the token; "" for an API key
 * @property {string[]} accounts accounts that were entered by hand
 */

/** @returns {Session | null} */
export function load() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(place) ?? "null");
    return kept?.token ? kept : null;
  } catch {
    return null;
  }
}

/** @param {Session} session */
export function save(session) {
  sessionStorage.setItem(place, JSON.stringify(session));
}

/** Ends the session and keeps what the person chose, such as the theme. */
export function end() {
  sessionStorage.removeItem(place);
}

/** Forgets everything that this page has stored. */
export function forget() {
  sessionStorage.clear();
  localStorage.clear();
}

/**
 * A session for a token. The account is in the token unless it is given.
 * @param {string} token
 * @param {string} [account]
 * @returns {Session}
 */
export function begin(token, account) {
  const claims = claimsOf(token);
  const session = { token, account: account || claims.account, owner: claims.owner, accounts: [] };
  save(session);
  return session;
}

/**
 * Takes token and account out of the fragment, such as #token=T&account=A&t=75. The fragment
 * never leaves the browser. The address bar loses them at once, and so does the history.
 * @returns {Session | null}
 */
export function fromFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (!token) return null;
  const account = given.get("account") ?? undefined;
  given.delete("token");
  given.delete("account");
  const rest = given.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest ? `#${rest}` : ""));
  return begin(token.trim(), account);
}

/**
 * What a JWT says about its bearer. The API checks it; this page only reads it.
 * @param {string} token
 * @returns {{account: string, owner: string}}
 */
export function claimsOf(token) {
  try {
    const part = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return { account: text(claims.account_id), owner: text(claims.owner_id) };
  } catch {
    return { account: "", owner: "" };
  }
}

/** @param {unknown} value */
function text(value) {
  return typeof value === "string" ? value : "";
}
