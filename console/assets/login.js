// The login: a token, or a Kazoo's own login where the same address leads to one.
import { Api } from "./api.js";
import { h, labeled } from "./dom.js";
import { t } from "./i18n.js";
import { md5 } from "./md5.js";
import { begin, claimsOf } from "./session.js";
/** @import { LoginFields, Session } from "../types.js" */

/**
 * Shows the login in root and calls done with a session that the API accepts.
 * @param {HTMLElement} root @param {string} base the service's address
 * @param {string} reason why the last session ended @param {(session: Session) => void} done
 */
export function showLogin(root, base, reason, done) {
  const api = new Api({ base, account: "", token: "" });
  const failed = h("p", { className: "error", role: "alert" }, reason);
  const form = (/** @type {string} */ refused, /** @type {LoginFields} */ [submit, ...fields]) => {
    const button = h("button", { className: "primary" }, t("login.submit"));
    const onsubmit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      button.disabled = true;
      const session = await submit().catch(({ status = 0 }) => {
        failed.textContent = t(status === 0 ? "login.offline" : status === 429 || status >= 500 ? "login.busy" : refused);
      });
      button.disabled = false;
      if (session) done(session);
    };
    return h("form", { onsubmit }, ...fields, button);
  };
  const token = form("login.refused", tokenFields(base));
  root.replaceChildren(h("h1", {}, t("app.title")), failed, token);
  root.hidden = false;
  token.querySelector("input").focus();
  // Kazoo's user_auth needs no token and rejects an empty request with a 400. The recordings API
  // answers 401 to everything without a token.
  api.json("PUT", "v2/user_auth", { body: { data: {} } }).catch(({ status }) => {
    if (status === 400 && token.isConnected) token.after(form("login.wrong", kazooFields(api)));
  });
}

/** @param {string} label a key @param {object} [more] */
function field(label, more) {
  const input = h("input", { required: true, autocomplete: "off", spellcheck: false, ...more });
  return { input, label: labeled(t(label), input) };
}

/** @param {string} base @returns {LoginFields} */
function tokenFields(base) {
  const token = field("login.token", { type: "password", "aria-describedby": "login-intro" });
  const account = field("login.account", { required: false });
  account.label.hidden = true;
  const submit = async () => {
    const text = token.input.value.trim();
    const of = account.input.value.trim() || claimsOf(text).account;
    if (!of && text.split(".").length === 3) {
      account.label.hidden = false;
      return account.input.focus();
    }
    // After a 403 the token is valid. The list explains what it does not reach.
    await new Api({ base, account: of || "none", token: text }).list({ page_size: 1 }).catch((err) => { if (err.status !== 403) throw err; });
    return begin(text, of);
  };
  return [submit, h("p", { id: "login-intro", className: "muted" }, t("login.intro")), token.label, account.label];
}

/** Kazoo's login (docs/kazoo.md 6.2). @param {Api} api @returns {LoginFields} */
function kazooFields(api) {
  const account = field("login.account-name", { autocomplete: "organization" });
  const user = field("login.user", { autocomplete: "username" });
  const password = field("login.password", { autocomplete: "current-password", type: "password" });
  const submit = async () => {
    const credentials = md5(`${user.input.value.trim()}:${password.input.value}`);
    const data = { credentials, account_name: account.input.value.trim(), method: "md5" };
    const body = await api.json("PUT", "v2/user_auth", { body: { data } });
    return begin(body.auth_token, body.data.account_id);
  };
  return [submit, h("h2", {}, t("login.or")), account.label, user.label, password.label];
}
