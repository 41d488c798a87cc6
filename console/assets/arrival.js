// Waiting for the audio of a recording.

/** @import { Recording } from "../types.js" */

const pause = 3000; // ms between two looks

/**
 * Looks at a recording until its audio has arrived, or has failed. Returns nothing if the
 * signal ends the wait.
 * @param {import("./api.js").Api} api @param {string} id @param {AbortSignal} signal
 * @returns {Promise<Recording|undefined>}
 */
export async function arrival(api, id, signal) {
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    const fresh = signal.aborted ? null : await api.get(id, { signal }).catch(() => null);
    if (fresh && !signal.aborted && fresh.recording._read_only?.state !== "pending") return fresh.recording;
  }
}
