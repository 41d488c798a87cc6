// Reads audio window by window, so that memory stays bounded whatever its size.

/** Bytes in one request. It fits the API's inline answers, of at most 4.4 MB. */
export const WINDOW = 2 << 20;

/** How many requests run ahead of the reader. */
export const AHEAD = 3;

/**
 * Returns the ranges that follow the first window.
 * @param {number} size bytes of audio @param {number} first bytes already read
 * @param {number} [window] @returns {[number, number][]} first and last byte of each
 */
export function plan(size, first, window = WINDOW) {
  /** @type {[number, number][]} */
  const ranges = [];
  for (let from = first; from < size; from += window) ranges.push([from, Math.min(from + window, size) - 1]);
  return ranges;
}

/** The total in "bytes 0-99/1234", or undefined. @param {string|null} header */
export function totalOf(header) {
  const m = /^bytes \d+-\d+\/(\d+)$/.exec(header ?? "");
  return m ? Number(m[1]) : undefined;
}

/**
 * Yields the bytes of audio in order. The first window is small, so that the size is
 * known and the picture begins early.
 * @param {(from: number, to: number) => Promise<Response>} get answers 200, 206 or 416
 * @param {(size: number) => void} onSize
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* windows(get, onSize) {
  const first = await get(0, (WINDOW >> 3) - 1);
  if (first.status === 416) return;
  if (first.status !== 206) return yield* stream(first, onSize);
  const head = new Uint8Array(await first.arrayBuffer());
  const size = totalOf(first.headers.get("content-range")) ?? head.length;
  onSize(size);
  const ranges = plan(size, head.length);
  /** @type {Promise<Uint8Array>[]} */
  const running = [];
  const fill = () => {
    while (running.length < AHEAD && ranges.length) {
      const [from, to] = /** @type {[number, number]} */ (ranges.shift());
      const bytes = get(from, to).then(async (r) => {
        const b = new Uint8Array(await r.arrayBuffer());
        if (r.status !== 206 || b.length !== to - from + 1) throw new Error("the audio has changed");
        return b;
      });
      bytes.catch(() => {}); // reported when its turn comes
      running.push(bytes);
    }
  };
  fill();
  yield head;
  for (let next = running.shift(); next; next = running.shift()) {
    const bytes = await next;
    fill();
    yield bytes;
  }
}

/**
 * Yields the body of an answer without ranges as it arrives.
 * @param {Response} answer @param {(size: number) => void} onSize
 * @returns {AsyncGenerator<Uint8Array>}
 */
async function* stream(answer, onSize) {
  onSize(Number(answer.headers.get("content-length")) || 0);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  for (let r = await reader.read(); !r.done; r = await reader.read()) yield r.value;
}
