// Small helpers for elements.
import { t } from "./i18n.js";

/** @param {string} selector @returns {any} the first element that matches */
export const find = (selector) => document.querySelector(selector);

/** @param {EventTarget} target @param {string} type @param {(event: any) => void} listener */
export const on = (target, type, listener) => target.addEventListener(type, listener);

/**
 * Makes an element. Names with a dash, role and for are attributes, on… are listeners, and all
 * others are properties.
 * @param {string} name @param {Record<string, any>} [given] @param {...(Node | string)} children @returns {any}
 */
export function h(name, given = {}, ...children) {
  /** @type {any} */
  const el = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (key.startsWith("on")) on(el, key.slice(2), value);
    else if (/-|^role$|^for$/.test(key)) el.setAttribute(key, value);
    else el[key] = value;
  }
  el.append(...children);
  return el;
}

/** Makes a button. @param {string} key of its text @param {() => void} onclick */
export const button = (key, onclick) => h("button", { type: "button", onclick }, t(key));

/** Makes a field with a label. @param {string} label @param {Node} field @param {object} [given] */
export const labeled = (label, field, given) => h("label", given, h("span", {}, label), field);

/** Puts text on the clipboard. Returns whether that worked: plain HTTP has no clipboard. @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
