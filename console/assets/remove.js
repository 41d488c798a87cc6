// Deleting a recording: says what will go, asks, and offers to restore it if the service keeps it.

import { readNotes, readTags } from "./annotations.js";
import { h } from "./dom.js";
import { formatDuration, t, whyOf } from "./i18n.js";

/** @typedef {import("../types.js").Recording} Recording */

/**
 * Asks and deletes. Returns the event that tells the page, or undefined if nothing was deleted.
 * @param {import("./api.js").Api} api @param {Recording} recording @returns {Promise<CustomEvent|undefined>}
 */
export async function removeRecording(api, recording) {
  const gone = [t("remove.audio", { length: formatDuration(recording.duration) })];
  const tags = readTags(recording.user_metadata).length, notes = readNotes(recording.user_metadata).length;
  if (tags) gone.push(t("remove.tags", { n: tags }));
  if (notes) gone.push(t("remove.notes", { n: notes }));
  if (recording.url) gone[0] = t("remove.external");
  const dialog = openDialog(t("remove.title", { n: 1 }), t("details.cancel"), h("p", {}, t("remove.what")), h("ul", {}, ...gone.map((text) => h("li", {}, text))), h("p", {}, t("remove.final")));
  const confirm = h("button", { className: "danger", value: "yes" }, t("remove.confirm"));
  dialog.querySelector("form")?.prepend(confirm);
  if (!(await dialog.answer)) return;
  let deleted;
  try {
    deleted = await api.remove(recording.id);
  } catch (err) {
    notice(whyOf(err));
    return;
  }
  if (deleted?._read_only?.restorable_until) offerUndo(api, recording);
  else notice(t("remove.done"));
  return new CustomEvent("deleted", { bubbles: true, detail: { id: recording.id } });
}

/**
 * Opens a dialog with a button that closes it. answer is true if a button with a value was used.
 * @param {string} title @param {string} close @param {...(Node|string)} children
 * @returns {HTMLDialogElement & {answer: Promise<boolean>}}
 */
export function openDialog(title, close, ...children) {
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, h("h2", { id: "dialog-title" }, title), ...children,
    h("form", { method: "dialog", className: "add" }, h("button", { autofocus: true }, close)));
  dialog.answer = new Promise((resolve) => dialog.addEventListener("close", () => (dialog.remove(), resolve(Boolean(dialog.returnValue)))));
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Shows a text for some seconds. @param {string} text @param {...Node} more */
export function notice(text, ...more) {
  const box = h("p", { className: "toast", role: "status" });
  document.body.append(box);
  box.append(text, ...more);
  setTimeout(() => box.remove(), more.length ? 20000 : 6000);
}

/** @param {import("./api.js").Api} api @param {Recording} recording */
function offerUndo(api, recording) {
  const undo = h("button", { type: "button", onclick: async () => {
    undo.disabled = true;
    try {
      const data = await api.restore(recording.id);
      notice(t("remove.restored"));
      document.dispatchEvent(new CustomEvent("restored", { detail: { recording: data } }));
    } catch (err) {
      notice(whyOf(err));
    }
    undo.parentElement.remove();
  } }, t("remove.undo"));
  notice(t("remove.done"), undo);
}
