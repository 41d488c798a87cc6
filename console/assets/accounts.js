// The switcher of accounts. A token may reach accounts below its own. The recordings API has no
// list of them; where the same address leads to a Kazoo, Kazoo's descendants are offered.
// Any other account is opened by its ID.
import { byId, h } from "./dom.js";
import { t } from "./i18n.js";
import { save } from "./session.js";
/** @import { Api } from "./api.js" */
/** @import { Session } from "./session.js" */

/**
 * Names from a Kazoo at the same address: accounts below this one, and users by owner ID. Both
 * are empty where there is no Kazoo, or where the token may not read them.
 * @param {Api} api
 * @returns {Promise<{accounts: Map<string, string>, users: Map<string, string>}>}
 */
export async function directory(api) {
  const read = async (/** @type {string} */ what, /** @type {(entry: any) => string} */ name) => {
    const path = `v2/accounts/${encodeURIComponent(api.account)}/${what}`;
    const { data } = await api.json("GET", path, { query: { paginate: "false" } });
    return /** @type {[string, string][]} */ (Array.isArray(data) ? data.map((e) => [e.id, name(e) || e.id]) : []);
  };
  const full = (/** @type {any} */ user) => [user.first_name, user.last_name].filter(Boolean).join(" ") || user.username;
  const users = await read("users", full).catch(() => null);
  const accounts = users ? await read("descendants", (account) => account.name).catch(() => []) : [];
  return { accounts: new Map(accounts), users: new Map(users) };
}

/**
 * Fills the menu's switcher and the name in the header.
 * @param {Session} session
 * @param {string} current
 * @param {Map<string, string>} below accounts below the token's account, with their names
 * @param {(account: string) => void} open
 */
export function showAccounts(session, current, below, open) {
  const known = new Map([[session.account, ""], ...session.accounts.map((id) => /** @type {[string, string]} */ ([id, ""])), [current, ""], ...below]);
  byId("account-name").textContent = known.get(current) || current;
  const choice = h("select", { onchange: () => open(choice.value) },
    ...[...known].filter(([id]) => id).map(([id, name]) => h("option", { value: id, selected: id === current }, name || id)));
  const other = h("input", { required: true, pattern: "[A-Za-z0-9_\\-]{1,64}", autocomplete: "off", spellcheck: false });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    session.accounts = [...new Set([...session.accounts, other.value])];
    save(session);
    open(other.value);
  };
  byId("accounts").replaceChildren(
    h("label", {}, h("span", {}, t("accounts.label")), choice),
    h("form", { onsubmit: submit }, h("label", {}, h("span", {}, t("accounts.ask")), other)),
  );
}
