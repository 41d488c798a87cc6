// What the list shows instead of rows: that there are none, or why.
import { ApiError } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";

/**
 * @typedef {Object} Actions
 * @property {() => void} retry
 * @property {() => void} reset
 * @property {() => void} ownAccount
 */

/**
 * @param {boolean} filtered
 * @param {Actions} actions
 * @returns {Node[]}
 */
export function emptyState(filtered, actions) {
  const key = filtered ? "empty.filtered" : "empty";
  return [
    h("h2", {}, t(filtered ? key : "empty.title")), h("p", {}, t(`${key}.text`)),
    filtered ? h("button", { type: "button", onclick: actions.reset }, t("filters.reset"))
      : h("button", { type: "button", onclick: actions.retry }, t("list.refresh")),
  ];
}

/**
 * @param {unknown} err
 * @param {{account: string, own: string}} accounts the account that is listed, and the token's own
 * @param {Actions} actions
 * @returns {Node[]}
 */
export function errorState(err, { account, own }, actions) {
  const fault = err instanceof ApiError ? err : new ApiError(0, "", {});
  const kind = kindOf(fault);
  const explained = ["offline", "unreachable", "forbidden", "busy"].includes(kind);
  const button = (/** @type {string} */ key, /** @type {() => void} */ onclick) => h("button", { type: "button", onclick }, t(key));
  return [
    h("h2", {}, t(`error.${kind}`)),
    h("p", {}, explained ? t(`error.${kind}.text`, { account }) : String(reasonOf(fault))),
    ...(fault.status ? [h("p", { className: "muted" }, t("error.code", { status: String(fault.status), message: fault.message }), " ",
      ...(fault.doc ? [h("a", { href: fault.doc, target: "_blank", rel: "noreferrer" }, t("error.doc"))] : []))] : []),
    kind === "forbidden" && own && own !== account
      ? button("error.forbidden.own", actions.ownAccount) : button("error.retry", actions.retry),
    ...(kind === "invalid" ? [button("filters.reset", actions.reset)] : []),
  ];
}

/** @param {ApiError} fault */
function kindOf({ status }) {
  if (status === 0) return navigator.onLine ? "unreachable" : "offline";
  if (status === 429 || status === 503) return "busy";
  return { 400: "invalid", 403: "forbidden" }[status] ?? "other";
}

/**
 * The API's own words: the cause, or the message of each field.
 * @param {ApiError} fault
 */
function reasonOf(fault) {
  const rules = Object.values(/** @type {Record<string, any>} */ (fault.data ?? {})).flatMap((field) => (field && typeof field === "object" ? Object.values(field) : []));
  return fault.cause || rules.map((rule) => rule?.message).filter(Boolean).join(". ");
}
