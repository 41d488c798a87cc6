// The login: a token, or a Kazoo's own login where the same address leads to one.
import { Api, ApiError } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { md5 } from "./md5.js";
import { begin, claimsOf } from "./session.js";
/** @import { Session } from "./session.js" */

/**
 * Shows the login in root and calls done with a session that the API accepts.
 * @param {HTMLElement} root
 * @param {string} base the service's address
 * @param {string} reason why the last session ended; "" at first
 * @param {(session: Session) => void} done
 */
export function showLogin(root, base, reason, done) {
  const failed = h("p", { className: "error", role: "alert" }, reason);
  const fail = (/** @type {string} */ key) => { failed.textContent = t(key); };
  const token = tokenForm(base, fail, done);
  root.replaceChildren(h("h1", {}, t("app.title")), failed, token);
  root.hidden = false;
  token.querySelector("input")?.focus();
  isKazoo(base).then((yes) => yes && token.isConnected && token.after(kazooForm(base, fail, done)));
}

/**
 * @param {string} base
 * @param {(key: string) => void} fail
 * @param {(session: Session) => void} done
 * @returns {HTMLFormElement}
 */
function tokenForm(base, fail, done) {
  const token = h("input", { type: "password", required: true, autocomplete: "off", spellcheck: false, "aria-describedby": "login-intro" });
  const account = h("input", { autocomplete: "off", spellcheck: false });
  const accountField = h("label", { hidden: true }, h("span", {}, `${t("login.account")} (${t("login.account.hint")})`), account);
  const submit = async () => {
    const text = token.value.trim();
    if (text.split(".").length !== 3) return fail("login.format");
    if (!claimsOf(text).account && !account.value) {
      accountField.hidden = false;
      account.required = true;
      return account.focus();
    }
    const of = account.value || claimsOf(text).account;
    // 403 is an answer to the token too: the list says what it does not reach.
    await new Api({ base, account: of, token: text }).list({ page_size: 1 }).catch((err) => { if (err.status !== 403) throw err; });
    done(begin(text, of));
  };
  return form(fail, "login.refused", submit,
    h("p", { id: "login-intro", className: "muted" }, t("login.intro")),
    h("label", {}, h("span", {}, t("login.token")), token), accountField);
}

/**
 * Kazoo's login: PUT /v2/user_auth with the MD5 of user:password (docs/kazoo.md 6.2).
 * @param {string} base
 * @param {(key: string) => void} fail
 * @param {(session: Session) => void} done
 * @returns {HTMLFormElement}
 */
function kazooForm(base, fail, done) {
  const field = (/** @type {string} */ label, /** @type {string} */ autocomplete, type = "text") => {
    const input = h("input", { type, required: true, autocomplete, spellcheck: false });
    return { input, label: h("label", {}, h("span", {}, t(label)), input) };
  };
  const account = field("login.account-name", "organization");
  const user = field("login.user", "username");
  const password = field("login.password", "current-password", "password");
  const submit = async () => {
    const credentials = md5(`${user.input.value.trim()}:${password.input.value}`);
    const data = { credentials, account_name: account.input.value.trim(), method: "md5" };
    const body = await new Api({ base, account: "", token: "" }).json("PUT", "v2/user_auth", { body: { data } });
    done(begin(body.auth_token, body.data?.account_id));
  };
  return form(fail, "login.wrong", submit, h("h2", {}, t("login.or")), account.label, user.label, password.label);
}

/**
 * @param {(key: string) => void} fail
 * @param {string} refused the text for an answer that is not success
 * @param {() => Promise<void>} submit
 * @param {...Node} children
 * @returns {HTMLFormElement}
 */
function form(fail, refused, submit, ...children) {
  const button = h("button", { className: "primary" }, t("login.submit"));
  const onsubmit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    await submit().catch((err) => {
      const status = err instanceof ApiError ? err.status : 0;
      fail(status === 0 ? "login.offline" : status === 429 || status >= 500 ? "login.busy" : refused);
    });
    button.disabled = false;
  };
  return h("form", { onsubmit }, ...children, button);
}

/**
 * Reports whether a Kazoo serves this address. Its user_auth needs no token and rejects an empty
 * request with a 400; the recordings API answers 401 to everything without a token.
 * @param {string} base
 */
async function isKazoo(base) {
  const probe = new Api({ base, account: "", token: "" }).json("PUT", "v2/user_auth", { body: { data: {} } });
  return probe.then(() => false, (err) => err.status === 400);
}
