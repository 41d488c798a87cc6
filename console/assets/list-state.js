// What the list shows instead of rows: that there are none, or why.
import { ApiError } from "./api.js";
import { button, h } from "./dom.js";
import { t } from "./i18n.js";
/** @import { Actions } from "../types.js" */

/** @param {boolean} filtered @param {Actions} actions @returns {Node[]} */
export function emptyState(filtered, actions) {
  const key = filtered ? "empty.filtered" : "empty.title";
  return [h("h2", {}, t(key)), h("p", {}, t(`${key}.text`)),
    filtered ? button("filters.reset", actions.reset) : button("list.refresh", actions.retry)];
}

/** @param {any} err @param {string} account the account that is listed @param {string} own the token's @param {Actions} actions @returns {Node[]} */
export function errorState(err, account, own, actions) {
  const fault = err instanceof ApiError ? err : new ApiError(0, String(err));
  const { status, message, doc } = fault;
  const kind = { 0: navigator.onLine ? "unreachable" : "offline", 400: "invalid", 403: "forbidden", 429: "busy", 503: "busy" }[status] ?? "unknown";
  const known = t(`error.${kind}.text`, { account });
  return [
    h("h2", {}, t(`error.${kind}`)),
    h("p", {}, known.startsWith("error.") ? reasonOf(fault) : known),
    h("p", { className: "muted", hidden: !status }, t("error.code", { status: String(status), message }), " ",
      h("a", { href: doc, hidden: !doc, target: "_blank", rel: "noreferrer" }, t("error.doc"))),
    kind === "forbidden" && own !== account ? button("error.forbidden.own", actions.ownAccount) : button("error.retry", actions.retry),
    ...(kind === "invalid" ? [button("filters.reset", actions.reset)] : []),
  ];
}

/** Returns the API's own words: the cause, or the message of each rule. @param {ApiError} fault @returns {string} */
function reasonOf({ cause, data }) {
  const rules = Object.values(data).flatMap((field) => Object.values(Object(field)));
  return cause || rules.map((rule) => rule?.message).filter(Boolean).join(". ");
}
