// Headset keys and the lock screen (Media Session).

/**
 * Shows what plays, and sends the keys of headsets to the player.
 * @param {{title: string, artist: string}} what
 * @param {Record<string, () => void> & {seekTo: (seconds: number) => void}} player
 */
export function announce(what, player) {
  const session = navigator.mediaSession;
  if (!session) return;
  session.metadata = new MediaMetadata(what);
  /** @type {[MediaSessionAction, (d: MediaSessionActionDetails) => void][]} */
  const actions = [
    ["play", () => player.play()],
    ["pause", () => player.pause()],
    ["previoustrack", () => player.previous()],
    ["nexttrack", () => player.next()],
    ["seekbackward", () => player.back()],
    ["seekforward", () => player.forward()],
    ["seekto", (d) => player.seekTo(d.seekTime ?? 0)],
  ];
  for (const [action, run] of actions) {
    try {
      session.setActionHandler(action, run);
    } catch {
      // This browser lacks the action.
    }
  }
}

/** Shows the position. @param {HTMLAudioElement} audio */
export function report(audio) {
  const session = navigator.mediaSession;
  if (!session?.setPositionState || !Number.isFinite(audio.duration) || !audio.duration) return;
  session.playbackState = audio.paused ? "paused" : "playing";
  session.setPositionState({ duration: audio.duration, position: Math.min(audio.currentTime, audio.duration), playbackRate: audio.playbackRate });
}

/** Removes what announce has shown. */
export function withdraw() {
  if (!navigator.mediaSession) return;
  navigator.mediaSession.metadata = null;
  navigator.mediaSession.playbackState = "none";
}
