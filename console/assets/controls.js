// The controls of the player: its buttons and fields, and what a viewer has chosen.

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { playerOnly } from "./keys.js";
import { party } from "./view.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

/** Who called whom, or the name of the file. @param {import("../types.js").Recording} recording */
export function titleOf(recording) {
  const parties = [party(recording, "from"), party(recording, "to")].map(({ name, number }) => name || number);
  return parties.some(Boolean) ? parties.map((p) => p || t("list.unknown")).join(" → ") : recording.name ?? t("list.unknown");
}

/** The speed that follows the chosen one. @param {HTMLSelectElement} field @param {number} by 1 or -1 */
export const speedAfter = (field, by) => SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(Number(field.value)) + by))];

/** Defaults for viewers without stored preferences. @type {Record<string, string>} */
const USUAL = { volume: "1", "play-on": "no" };

/** Reads or stores a viewer's preference in the browser. @param {string} name @param {string} [value] */
export function liking(name, value) {
  if (value === USUAL[name]) localStorage.removeItem(`console.${name}`);
  else if (value !== undefined) localStorage.setItem(`console.${name}`, value);
  return localStorage.getItem(`console.${name}`);
}

/**
 * Makes the controls of a player. Buttons call its methods.
 * @param {any} player @param {(speed: number) => void} setSpeed @param {(volume: number) => void} setVolume
 */
export function controls(player, setSpeed, setVolume) {
  const button = (/** @type {string} */ name, /** @type {string} */ run) => {
    const label = t(`player.key.${run}`);
    const of = playerOnly.find((k) => k.run === run)?.keys;
    return h("button", { type: "button", className: "icon", title: of ? `${label} (${of})` : label, "aria-label": label, onclick: () => player[run]() }, icon(name));
  };
  const parts = {
    caption: h("strong", { className: "what" }),
    note: h("span", { className: "muted", role: "status" }),
    time: h("span", { className: "time" }),
    playButton: button("play", "toggle"),
    muteButton: button("volume", "mute"),
    loopButton: button("loop", "toggleLoop"),
    onButton: button("playOn", "togglePlayOn"),
    speed: h("select", { "aria-label": t("player.speed"), title: t("player.speed"), onchange: () => setSpeed(Number(parts.speed.value)) },
      ...SPEEDS.map((s) => h("option", { value: s }, `${s.toLocaleString()}×`))),
    volume: h("input", { type: "range", min: "0", max: "1", step: "0.05", "aria-label": t("player.volume"), oninput: () => setVolume(Number(parts.volume.value)) }),
  };
  const row = h("div", { className: "controls", role: "group", dir: "ltr", "aria-label": t("player.controls") },
    button("previous", "previous"), button("back", "back"), parts.playButton, button("forward", "forward"), button("next", "next"),
    parts.time, parts.speed, parts.loopButton, parts.onButton, parts.muteButton, parts.volume, button("download", "download"), button("link", "copyLink"));
  return { ...parts, row };
}
