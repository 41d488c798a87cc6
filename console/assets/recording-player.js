// The player of one recording.

import { arrival } from "./arrival.js";
import { controls, liking, speedAfter, titleOf } from "./controls.js";
import { copy, h } from "./dom.js";
import { formatDuration, formatTime, t, whyOf } from "./i18n.js";
import { icon } from "./icons.js";
import { listen, playerOnly } from "./keys.js";
import * as media from "./media-session.js";
import { loadPeaks } from "./peaks.js";
import { placesOf } from "./annotations.js";
import "./waveform.js";

/** @typedef {import("../types.js").Recording} Recording */

const STALL = 5000; // ms without audio after which the URL is renewed
const RENEWALS = 10000; // ms between two renewals

export class RecordingPlayer extends HTMLElement {
  /** @type {import("./api.js").Api|undefined} */
  api;
  startAt = 0; // seconds
  parts = controls(this, (speed) => this.#setSpeed(speed), (volume) => this.#setVolume(volume));
  /** @type {Recording|null} */
  #recording = null;
  #life = new AbortController(); // of the element
  #turn = new AbortController(); // of the recording
  #playing = false; // what the viewer wants; an error pauses the element before it is reported
  #loads = 0;
  /** @type {number|null} where the audio goes on, while a URL is asked for */
  #at = null;
  #carryOn = false; // the next recording plays at once
  #expires = Infinity; // of the URL, in ms since 1970
  #renewed = -Infinity;
  #stall = 0;

  constructor() {
    super();
    /** @type {HTMLAudioElement} */
    this.audio = h("audio", { preload: "metadata" });
    /** @type {import("./waveform.js").Waveform} */
    this.wave = h("wave-form");
  }

  connectedCallback() {
    if (!this.firstChild) this.#build();
    this.#life = new AbortController();
    listen(this, playerOnly, this.#life.signal);
  }

  disconnectedCallback() {
    this.#life.abort();
    this.recording = null;
  }

  get recording() {
    return this.#recording;
  }

  set recording(/** @type {Recording|null} */ recording) {
    if (recording && recording.id === this.#recording?.id) {
      const waited = this.#recording._read_only?.state !== recording._read_only?.state;
      this.#recording = recording;
      this.mark(recording);
      if (!waited) {
        if (this.startAt) this.seekTo(this.startAt);
        if (this.hasAttribute("autoplay")) this.play();
        return;
      }
    }
    this.#turn.abort();
    this.#turn = new AbortController();
    const play = this.#carryOn || this.hasAttribute("autoplay");
    this.#carryOn = false;
    this.#recording = recording;
    this.#at = null;
    this.pause();
    this.audio.removeAttribute("src");
    clearTimeout(this.#stall);
    media.withdraw();
    if (recording && this.api) void this.#open(recording, play, this.#turn.signal);
  }

  /** Seconds from the beginning. */
  get position() {
    return this.#at ?? this.audio.currentTime;
  }

  #build() {
    this.append(h("div", { className: "caption" }, this.parts.caption, this.parts.note), this.wave, this.parts.row, this.audio);
    this.#setSpeed(1);
    this.#setVolume(Number(liking("volume") ?? 1));
    this.#setPlayOn(liking("play-on") === "yes");
    this.#listen();
  }

  #listen() {
    const { audio, wave } = this;
    const wait = () => {
      clearTimeout(this.#stall);
      this.#stall = window.setTimeout(() => this.#renew(), STALL);
    };
    const calm = () => clearTimeout(this.#stall);
    const on = (/** @type {string} */ names, /** @type {() => void} */ run) => names.split(" ").forEach((name) => audio.addEventListener(name, run));
    on("seeking waiting", wait);
    on("seeked playing pause emptied", calm);
    on("error", () => {
      if (audio.getAttribute("src") && !this.#renew()) this.#say(t("player.broken"));
    });
    on("timeupdate seeked", () => this.#tick());
    on("durationchange", () => Number.isFinite(audio.duration) && (wave.duration = audio.duration));
    on("durationchange", () => (this.#tick(), media.report(audio)));
    on("play pause ratechange", () => this.#state());
    on("play", () => (this.#playing = true));
    on("pause", () => (this.#playing &&= this.#at !== null || Boolean(audio.error)));
    on("ended", () => {
      this.dispatchEvent(new CustomEvent("ended"));
      if (this.playOn) this.#leave("next", true);
    });
    wave.addEventListener("seek", (e) => this.seekTo(/** @type {CustomEvent} */ (e).detail.time));
    wave.addEventListener("loop", (e) => this.#setLoop(/** @type {CustomEvent} */ (e).detail.loop));
    const frame = () => {
      if (!audio.paused) this.#tick();
      if (!audio.paused && !matchMedia("(prefers-reduced-motion: reduce)").matches) requestAnimationFrame(frame);
    };
    on("play", frame);
  }

  /** @param {Recording} recording @param {boolean} play @param {AbortSignal} turn */
  async #open(recording, play, turn) {
    const title = titleOf(recording);
    this.parts.caption.textContent = `${title}, ${formatTime(recording.start)}`;
    Object.assign(this.wave, { position: 0, loop: null, duration: (recording.duration_ms ?? 0) / 1000 || recording.duration || 0 });
    this.wave.show(null);
    this.mark(recording);
    this.#state();
    this.#tick();
    const start = this.startAt;
    this.startAt = 0;
    const state = recording._read_only?.state ?? "ready";
    this.classList.toggle("silent", state !== "ready");
    if (state !== "ready") {
      this.#say(t(`player.${state}`, { reason: recording._read_only?.reason ?? "" }));
      if (state === "pending") this.#await(recording.id, play, turn);
      return;
    }
    this.#say("");
    media.announce({ title, artist: document.title }, /** @type {any} */ (this));
    this.#renewed = -Infinity;
    if (!(await this.#load(start, play, turn))) return;
    void this.#draw(recording, turn);
  }

  /** @param {string} id @param {boolean} play @param {AbortSignal} turn */
  async #await(id, play, turn) {
    const arrived = this.api && (await arrival(this.api, id, turn));
    if (!arrived) return;
    this.dispatchEvent(new CustomEvent("changed", { detail: { recording: arrived } }));
    this.#carryOn = play;
    this.recording = arrived;
  }

  /**
   * Gets a URL and loads it at a position. Returns whether there is one.
   * @param {number} position seconds @param {boolean} play @param {AbortSignal} turn
   */
  async #load(position, play, turn) {
    this.#at = position;
    this.#playing = play;
    const load = ++this.#loads;
    try {
      const { url, expires } = await this.#url(turn);
      if (turn.aborted || load !== this.#loads) return !turn.aborted;
      position = this.#at;
      play = this.#playing;
      this.#at = null;
      // A time that has already passed means that this clock is wrong.
      this.#expires = expires && expires > Date.now() ? expires : Infinity;
      this.audio.src = url;
      this.audio.playbackRate = this.audio.defaultPlaybackRate = Number(this.parts.speed.value);
      if (position) this.audio.currentTime = position;
      if (play) this.audio.play().catch(() => {}); // the browser wants a click first
      return true;
    } catch (err) {
      this.#at = null;
      if (!turn.aborted) this.#say(whyOf(err));
      return false;
    }
  }

  /** @param {AbortSignal} signal */
  #url(signal) {
    if (!this.api || !this.#recording) throw new Error("no recording");
    return this.api.audioUrl(this.#recording.id, { signal });
  }

  /**
   * Gets a new URL and goes on at the same position (docs/how-to/play.md). Returns false if
   * that has just been tried.
   */
  #renew() {
    if (!this.#recording || performance.now() - this.#renewed < RENEWALS) return false;
    this.#renewed = performance.now();
    void this.#load(this.position, this.#playing, this.#turn.signal);
    return true;
  }

  /** @param {Recording} recording @param {AbortSignal} turn */
  async #draw({ id }, turn) {
    try {
      await loadPeaks(id, this.wave.duration, () => this.#url(turn), (peaks) => this.wave.show(peaks), turn);
    } catch (err) {
      if (turn.aborted) return;
      this.wave.show(null);
      if (this.audio.error) return;
      this.#say(t(`player.nowave.${/** @type {Error} */ (err).message}`));
    }
  }

  /** Shows the places of tags and notes. @param {Recording} recording */
  mark(recording) {
    this.wave.marks = placesOf(recording.user_metadata);
    this.wave.update();
  }

  /** @param {string} text */
  #say(text) {
    this.parts.note.textContent = text;
  }

  #tick() {
    const { audio, wave } = this;
    if (wave.loop && !audio.paused && audio.currentTime >= wave.loop.to) audio.currentTime = wave.loop.from;
    wave.position = audio.currentTime;
    this.parts.time.textContent = `${formatDuration(Math.floor(audio.currentTime))} / ${formatDuration(wave.duration)}`;
    wave.update();
  }

  #state() {
    const paused = this.audio.paused;
    this.parts.playButton.replaceChildren(icon(paused ? "play" : "pause"));
    this.parts.playButton.setAttribute("aria-label", t(paused ? "player.play" : "player.pause"));
    media.report(this.audio);
  }

  /** @param {number} speed */
  #setSpeed(speed) {
    this.parts.speed.value = String(speed);
    this.audio.preservesPitch = true;
    this.audio.playbackRate = this.audio.defaultPlaybackRate = speed;
  }

  /** @param {number} volume from 0 to 1 */
  #setVolume(volume) {
    volume = Math.min(1, Math.max(0, Math.round(volume * 20) / 20));
    this.audio.volume = volume;
    this.audio.muted = false;
    this.parts.volume.value = String(volume);
    liking("volume", String(volume));
    this.#showMute();
  }

  #showMute() {
    this.parts.muteButton.replaceChildren(icon(this.audio.muted || !this.audio.volume ? "muted" : "volume"));
    this.parts.muteButton.setAttribute("aria-pressed", String(this.audio.muted));
  }

  /** @param {import("./waveform.js").Loop|null} loop */
  #setLoop(loop) {
    const { wave, audio } = this;
    wave.loop = loop && loop.to - loop.from >= 0.1 ? loop : null;
    if (wave.loop && (audio.currentTime < wave.loop.from || audio.currentTime > wave.loop.to)) this.seekTo(wave.loop.from);
    this.parts.loopButton.setAttribute("aria-pressed", String(Boolean(wave.loop)));
    this.#say(wave.loop ? t("player.looping", { from: formatDuration(wave.loop.from), to: formatDuration(wave.loop.to) }) : "");
    wave.update();
  }

  /** @param {boolean} on */
  #setPlayOn(on) {
    this.playOn = on;
    this.parts.onButton.setAttribute("aria-pressed", String(on));
    liking("play-on", on ? "yes" : "no");
  }

  /** @param {"next"|"previous"} way @param {boolean} play */
  #leave(way, play) {
    this.#carryOn = play;
    this.dispatchEvent(new CustomEvent(way));
    this.#carryOn = false; // there was no other recording
  }

  toggle() {
    if (this.#playing) this.pause();
    else this.play();
  }

  play() {
    if (this.classList.contains("silent")) return;
    const src = this.audio.getAttribute("src");
    if (this.#at !== null) this.#playing = true;
    else if (src && Date.now() < this.#expires) this.audio.play().catch(() => {});
    else void this.#load(this.position, true, this.#turn.signal);
  }

  pause() {
    this.#playing = false;
    this.audio.pause();
  }

  /** @param {number} seconds */
  seekTo(seconds) {
    const to = Math.min(Math.max(0, seconds), this.wave.duration || Infinity);
    if (this.#at !== null) this.#at = to;
    else if (Date.now() >= this.#expires) void this.#load(to, this.#playing, this.#turn.signal);
    else this.audio.currentTime = to;
    this.wave.position = to;
    this.wave.update();
  }

  back() {
    this.seekTo(this.position - 5);
  }

  forward() {
    this.seekTo(this.position + 5);
  }

  slower() {
    this.#setSpeed(speedAfter(this.parts.speed, -1));
  }

  faster() {
    this.#setSpeed(speedAfter(this.parts.speed, 1));
  }

  normal() {
    this.#setSpeed(1);
  }

  quieter() {
    this.#setVolume(this.audio.volume - 0.1);
  }

  louder() {
    this.#setVolume(this.audio.volume + 0.1);
  }

  mute() {
    this.audio.muted = !this.audio.muted;
    this.#showMute();
  }

  loopFrom() {
    const from = this.audio.currentTime, end = this.wave.loop?.to ?? this.wave.duration;
    this.#setLoop({ from, to: end > from ? end : this.wave.duration });
  }

  loopTo() {
    const to = this.audio.currentTime, begin = this.wave.loop?.from ?? 0;
    this.#setLoop({ from: begin < to ? begin : 0, to });
  }

  loopOff() {
    this.#setLoop(null);
  }

  /** The loop button: from here to the end, then from there to here, then off. */
  toggleLoop() {
    const { loop, duration } = this.wave;
    if (!loop) this.loopFrom();
    else if (loop.to >= duration && this.audio.currentTime > loop.from + 0.1) this.loopTo();
    else this.loopOff();
  }

  previous() {
    this.#leave("previous", !this.audio.paused);
  }

  next() {
    this.#leave("next", !this.audio.paused);
  }

  togglePlayOn() {
    this.#setPlayOn(!this.playOn);
  }

  async download() {
    if (!this.api || !this.#recording) return;
    const found = await this.api.audioUrl(this.#recording.id, { download: true }).catch((err) => this.#say(whyOf(err)));
    if (found) h("a", { href: found.url, download: "", rel: "noreferrer" }).click();
  }

  async copyLink() {
    const url = new URL(location.href);
    url.hash = `t=${Math.floor(this.audio.currentTime)}`;
    this.#say(t((await copy(url.href)) ? "player.copied" : "player.link", { url: url.href }));
  }
}

customElements.define("recording-player", RecordingPlayer);
