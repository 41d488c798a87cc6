// Texts, times and lengths in the viewer's language.
import { texts } from "./texts.js";

const gregorian = 62167219200; // seconds from the year 0 to 1970
const rightToLeft = ["ar", "fa", "he", "ur"];
const stored = "console.language";

/** The languages of texts.js by their own names. */
export const languages = { en: "English", de: "Deutsch" };

const preferred = globalThis.navigator?.languages ?? [];
const short = (/** @type {string} */ tag) => tag.split("-")[0].toLowerCase();
const known = [globalThis.localStorage?.getItem(stored) ?? "", ...preferred, "en"].map(short).find((code) => code in languages);

/** The language of the page. */
export const language = /** @type {keyof typeof texts} */ (known);

// The region of the browser's language decides how dates look: en-GB is not en-US.
const locale = preferred.find((tag) => short(tag) === language) ?? language;

/** The viewer's time zone. */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

/** @type {Intl.DateTimeFormatOptions} */
const moment = { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" };
const thisYear = new Intl.DateTimeFormat(locale, moment);
const otherYear = new Intl.DateTimeFormat(locale, { ...moment, year: "numeric" });
const numbers = new Intl.NumberFormat(locale);
const plurals = new Intl.PluralRules(language);

/**
 * Returns the text of a key. {name} is replaced by a value. With a number n, key.one or key.other
 * is used if it exists.
 * @param {string} key @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const table = texts[language];
  const text = table[`${key}.${typeof values.n === "number" ? plurals.select(values.n) : ""}`] ?? table[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name] ?? whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

/** Returns words as "a, b and c". @param {string[]} words */
export function formatWords(words) {
  return new Intl.ListFormat(language).format(words);
}

/** Returns a time in Gregorian seconds in the viewer's time zone, or "". */
export function formatTime(start = 0) {
  const date = toDate(start);
  if (!start || Number.isNaN(date.getTime())) return "";
  return (date.getFullYear() === new Date().getFullYear() ? thisYear : otherYear).format(date);
}

/** @param {number} start Gregorian seconds */
export function toDate(start) {
  return new Date((start - gregorian) * 1000);
}

/** @param {Date} date @returns {number} Gregorian seconds */
export function toGregorian(date) {
  return Math.floor(date.getTime() / 1000) + gregorian;
}

/** Returns seconds as 1:05 or 1:02:03. */
export function formatDuration(seconds = 0) {
  const s = Math.max(0, Math.round(seconds));
  const two = (/** @type {number} */ n) => String(n % 60).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s)}` : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(s)}`;
}

/** Fills elements that have data-t (text) or data-label (accessible name). @param {Document} root */
export function translate(root) {
  root.documentElement.lang = language;
  root.documentElement.dir = rightToLeft.includes(language) ? "rtl" : "ltr";
  root.title = t("app.title");
  for (const el of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-t], [data-label]"))) {
    if (el.dataset.t) el.textContent = t(el.dataset.t);
    if (el.dataset.label) el.ariaLabel = t(el.dataset.label);
  }
}

/** @param {string} code */
export function setLanguage(code) {
  localStorage.setItem(stored, code);
  location.reload();
}

/** What went wrong, as a sentence. @param {any} err */
export const whyOf = (err) => t("player.error", { why: err.cause || err.message });
