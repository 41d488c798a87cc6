// Texts, times and lengths in the viewer's language.
import { texts } from "./texts.js";

const gregorian = 62167219200; // seconds from the year 0 to 1970
const rightToLeft = ["ar", "fa", "he", "ur"];
const stored = "console.language";

/** The languages of texts.js with their own names. */
export const languages = { en: "English", de: "Deutsch" };

/** @returns {keyof typeof texts} */
function choose() {
  const wanted = [globalThis.localStorage?.getItem(stored), ...(globalThis.navigator?.languages ?? [])];
  for (const tag of wanted) {
    const short = tag?.split("-")[0].toLowerCase();
    if (short === "en" || short === "de") return short;
  }
  return "en";
}

/** The language of the page. */
export const language = choose();

// The region of the browser's language decides how dates look: en-GB is not en-US.
const locale = globalThis.navigator?.languages?.find((tag) => tag.split("-")[0].toLowerCase() === language) ?? language;

/** The viewer's time zone. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
const numbers = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(language);

/**
 * The text of a key. {name} is replaced by a value. With a number n, key.one or key.other is
 * used if it exists.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  /** @type {Record<string, string>} */
  const table = texts[language];
  const form = typeof values.n === "number" ? table[`${key}.${plurals.select(values.n)}`] : undefined;
  const text = form ?? table[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
  });
}

/**
 * A time in Gregorian seconds as a date in the viewer's time zone; "" without a time.
 * @param {number | undefined} start
 */
export function formatTime(start) {
  return start ? moment.format(toDate(start)) : "";
}

/**
 * @param {number} start Gregorian seconds
 */
export function toDate(start) {
  return new Date((start - gregorian) * 1000);
}

/**
 * @param {Date} date
 * @returns {number} Gregorian seconds
 */
export function toGregorian(date) {
  return Math.floor(date.getTime() / 1000) + gregorian;
}

/**
 * Seconds as 1:05 or 1:02:03.
 * @param {number | undefined} seconds
 */
export function formatDuration(seconds) {
  const s = Math.max(0, Math.round(seconds ?? 0));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}

/**
 * Fills elements that have data-t (text), data-label (accessible name and tooltip) or
 * data-placeholder with their texts.
 * @param {ParentNode} root
 */
export function translate(root) {
  for (const el of root.querySelectorAll("[data-t]")) el.textContent = t(/** @type {HTMLElement} */ (el).dataset.t ?? "");
  for (const el of root.querySelectorAll("[data-label]")) {
    const text = t(/** @type {HTMLElement} */ (el).dataset.label ?? "");
    el.setAttribute("aria-label", text);
    if (el.matches("button")) el.setAttribute("title", text);
  }
  for (const el of root.querySelectorAll("[data-placeholder]")) {
    el.setAttribute("placeholder", t(/** @type {HTMLElement} */ (el).dataset.placeholder ?? ""));
  }
}

/** Sets the language and the direction of the page. */
export function announceLanguage() {
  document.documentElement.lang = language;
  document.documentElement.dir = rightToLeft.includes(language) ? "rtl" : "ltr";
}

/** @param {string} code */
export function setLanguage(code) {
  localStorage.setItem(stored, code);
  location.reload();
}
