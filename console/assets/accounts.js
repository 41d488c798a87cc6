// The switcher of accounts. A token may reach accounts below its own, but the recordings API has
// no list of them. Where the same address leads to a Kazoo, that has one. Any other account is
// opened by its ID.
import { find, h, labeled } from "./dom.js";
import { t } from "./i18n.js";
import { save } from "./session.js";
/** @import { Api } from "./api.js" */
/** @import { Session } from "../types.js" */

/**
 * Returns names from a Kazoo at the same address: of accounts below this one, and of users by
 * owner ID. Both are empty without a Kazoo, or if the token may not read them.
 * @param {Api} api @param {Session} session @returns {Promise<{accounts: Map<string, string>, users: Map<string, string>}>}
 */
export async function directory(api, session) {
  const read = async (/** @type {string} */ what, /** @type {(entry: any) => string} */ name) => {
    const { data } = await api.json("GET", api.path().replace(/recordings$/, what), { query: { paginate: "false" } });
    return new Map((Array.isArray(data) ? data : []).map((e) => [String(e.id), name(e) || e.id]));
  };
  /** @type {Map<string, string>} */
  let users = new Map(), accounts = users;
  try {
    if (!session.alone) users = await read("users", (user) => [user.first_name, user.last_name].filter(Boolean).join(" ") || user.username);
    if (!session.alone) accounts = await read("descendants", (account) => account.name);
  } catch (err) {
    session.alone = /** @type {any} */ (err).status === 404;
    save(session);
  }
  return { users, accounts };
}

/**
 * Fills the menu's switcher and the name in the header.
 * @param {Session} session @param {string} current @param {Map<string, string>} below names of accounts below the token's
 * @param {(account: string) => void} open
 */
export function showAccounts(session, current, below, open) {
  const ids = new Set([session.account, ...session.accounts, current, ...below.keys()]);
  find("#account-name").textContent = below.get(current) ?? current;
  const choice = h("select", { onchange: () => open(choice.value) },
    ...[...ids].map((id) => h("option", { value: id, selected: id === current }, below.get(id) ?? id)));
  const other = h("input", { required: true, pattern: "[A-Za-z0-9_\\-]{1,64}", autocomplete: "off", spellcheck: false });
  const onsubmit = (/** @type {Event} */ event) => {
    event.preventDefault();
    session.accounts.push(other.value);
    save(session);
    open(other.value);
  };
  find("#accounts").replaceChildren(labeled(t("accounts.label"), choice), h("form", { onsubmit }, labeled(t("accounts.ask"), other)));
}
