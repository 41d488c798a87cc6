// A client of the public API, as any client could write it (docs/contract.md).

/** @import { ListParams, Recording, Upload } from "../types.js" */

/** What the API answered instead of success. Status 0 means that no answer arrived. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} message the API's message, such as bad_identifier
   * @param {{cause?: string, doc?: string, retryAfter?: number, data?: unknown}} [more]
   */
  constructor(status, message, more = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    /** The API's explanation. @type {string} */
    this.cause = more.cause ?? "";
    /** The address of the explanation on the page of errors. */
    this.doc = more.doc ?? "";
    /** Seconds after which a retry may succeed; 0 if unknown. */
    this.retryAfter = more.retryAfter ?? 0;
    this.data = more.data;
  }
}

/**
 * @typedef {Object} RequestOptions
 * @property {ListParams} [query]
 * @property {Record<string, string>} [headers]
 * @property {unknown} [body] sent as JSON
 * @property {AbortSignal} [signal]
 * @property {boolean} [repeatable] a lost answer may be followed by a retry; GET always is
 * @property {boolean} [lost] set by request: an answer was a 503, so the request may have been carried out
 * @property {boolean} [stream] the answer may take as long as it likes
 */

/**
 * @typedef {Object} Options
 * @property {string} base the service's address, with a slash at its end
 * @property {string} account
 * @property {string} token
 * @property {() => void} [onUnauthorized]
 * @property {typeof fetch} [fetch]
 * @property {(ms: number, signal?: AbortSignal) => Promise<void>} [sleep]
 */

const retries = 3;
const timeout = 30_000; // ms; the service answers within 29 s
const longestWait = 20; // seconds

/** The API of one account with one token. */
export class Api {
  /** @param {Options} options */
  constructor({ base, account, token, onUnauthorized = () => {}, fetch = (...a) => globalThis.fetch(...a), sleep = pause }) {
    this.base = base;
    this.account = account;
    this.token = token;
    this.onUnauthorized = onUnauthorized;
    this.fetch = fetch;
    this.sleep = sleep;
    /** The methods that this token got a 403 for. @type {Set<string>} */
    this.refused = new Set();
    /** @type {Promise<string[]> | undefined} */
    this.definition = undefined;
  }

  /**
   * The path of a recording, or of one of its parts.
   * @param {string} [id]
   * @param {string} [owner]
   */
  path(id, owner) {
    const of = owner ? `/users/${encodeURIComponent(owner)}` : "";
    return `v2/accounts/${encodeURIComponent(this.account)}${of}/recordings` + (id ? `/${encodeURIComponent(id)}` : "");
  }

  /**
   * One page of a list.
   * @param {ListParams} params
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<{data: Recording[], nextStartKey: string | undefined}>}
   */
  async list({ owner, ...query }, { signal } = {}) {
    const path = this.path(undefined, owner ? String(owner) : undefined);
    const body = await this.json("GET", path, { query, signal });
    return { data: body.data, nextStartKey: body.next_start_key };
  }

  /**
   * @param {string} id
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<{recording: Recording, etag: string}>}
   */
  async get(id, { signal } = {}) {
    return this.document("GET", this.path(id), { signal });
  }

  /**
   * Merges userMetadata into the stored one. A conflict is an ApiError with status 412.
   * @param {string} id
   * @param {object} userMetadata
   * @param {string} [etag]
   * @param {{signal?: AbortSignal}} [options]
   */
  async patch(id, userMetadata, etag, { signal } = {}) {
    const headers = etag ? { "If-Match": etag } : undefined;
    return this.document("PATCH", this.path(id), { headers, body: { data: { user_metadata: userMetadata } }, signal });
  }

  /**
   * Deletes a recording. A retry that finds it deleted is a success (contract, After a lost answer).
   * @param {string} id
   * @param {{signal?: AbortSignal}} [options]
   */
  async remove(id, { signal } = {}) {
    /** @type {RequestOptions} */
    const options = { signal, repeatable: true };
    try {
      await this.request("DELETE", this.path(id), options);
    } catch (err) {
      if (!(err instanceof ApiError && err.status === 404 && options.lost)) throw err;
    }
  }

  /**
   * Creates a recording. The idempotency key makes a retry safe.
   * @param {{data?: object, upload?: object}} document
   * @param {{signal?: AbortSignal, key?: string}} [options] key: the same for retries of one upload
   * @returns {Promise<{recording: Recording, etag: string, upload: Upload | undefined}>}
   */
  async create(document, { signal, key = randomKey() } = {}) {
    const made = await this.document("PUT", this.path(), { headers: { "Idempotency-Key": key }, body: document, signal, repeatable: true });
    return { ...made, upload: made.recording._read_only?.upload };
  }

  /**
   * A URL that an audio element can use. It is presigned and expires (ms since 1970) unless
   * the API itself serves the audio. Ask again when the URL has expired or failed.
   * @param {string} id
   * @param {{signal?: AbortSignal, download?: boolean}} [options] download: a browser saves the audio
   * @returns {Promise<{url: string, expires?: number}>}
   */
  async audioUrl(id, { signal, download } = {}) {
    const inline = download ? undefined : "true";
    // A page cannot read the Location of a redirect. It follows the redirect for one byte
    // and takes the address that it arrived at.
    try {
      const query = { inline, delivery: "redirect" };
      const response = await this.request("GET", `${this.path(id)}/audio`, { query, headers: { Range: "bytes=0-0" }, signal });
      response.body?.cancel().catch(() => {});
      if (response.redirected) return { url: response.url, expires: expiry(response.url) };
    } catch (err) {
      // Without an answer, the place that the redirect leads to may not allow this page to read it.
      if (!(err instanceof ApiError && err.status === 0)) throw err;
    }
    return { url: this.url(`${this.path(id)}/audio`, { inline, auth_token: this.token }) };
  }

  /**
   * The audio or a range of it. Both ends of the range are inclusive.
   * @param {string} id
   * @param {{range?: [number, number], signal?: AbortSignal}} [options]
   * @returns {Promise<Response>}
   */
  async fetchAudio(id, { range, signal } = {}) {
    const headers = range ? { Range: `bytes=${range[0]}-${range[1]}` } : undefined;
    return this.request("GET", `${this.path(id)}/audio`, { query: { inline: "true" }, headers, signal, stream: true });
  }

  /**
   * Reports whether the API's definition has a path with this end, such as "/links".
   * @param {string} end
   */
  async offers(end) {
    this.definition ??= this.json("GET", "v2/openapi.json", {}).then((d) => Object.keys(d.paths ?? {}), () => []);
    return (await this.definition).some((path) => path.endsWith(end));
  }

  /**
   * Reports whether requests with this method have not been forbidden so far.
   * @param {string} method
   */
  may(method) {
    return !this.refused.has(method);
  }

  /**
   * @param {string} path
   * @param {ListParams} [query]
   */
  url(path, query = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    return url.href;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @returns {Promise<{recording: Recording, etag: string}>}
   */
  async document(method, path, options) {
    const response = await this.request(method, path, options);
    return { recording: (await read(response)).data, etag: response.headers.get("ETag") ?? "" };
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   */
  async json(method, path, options) {
    return read(await this.request(method, path, options));
  }

  /**
   * Sends a request and returns a successful response. A 429 did nothing, so every method is
   * sent again. After a 503 only repeatable requests are.
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @returns {Promise<Response>}
   */
  async request(method, path, options) {
    const repeatable = options.repeatable || method === "GET";
    for (let left = retries; ; left--) {
      const err = await this.attempt(method, path, options);
      if (!(err instanceof ApiError)) return err;
      if (err.status === 503) options.lost = true;
      const again = err.status === 429 || (err.status === 503 && repeatable);
      if (!again || left === 0 || err.retryAfter > longestWait) throw this.note(method, err);
      const backoff = 500 * 2 ** (retries - left) * (0.5 + Math.random() / 2);
      await this.sleep(Math.max(err.retryAfter * 1000, backoff), options.signal);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @returns {Promise<Response | ApiError>}
   */
  async attempt(method, path, { query, headers, body, signal, stream }) {
    const signals = stream ? [] : [AbortSignal.timeout(timeout)];
    if (signal) signals.push(signal);
    /** @type {Record<string, string>} */
    const all = { Accept: "application/json", ...headers };
    if (this.token) all["X-Auth-Token"] = this.token;
    if (body !== undefined) all["Content-Type"] = "application/json";
    try {
      const response = await this.fetch(this.url(path, query), {
        method, headers: all, body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.any(signals), cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
      });
      return response.ok ? response : this.fault(response);
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      return new ApiError(0, "no_answer", { cause: err instanceof Error ? err.message : "" });
    }
  }

  /**
   * @param {Response} response
   * @returns {Promise<ApiError>}
   */
  async fault(response) {
    const body = await response.json().catch(() => ({}));
    const data = body?.data ?? {};
    const cause = data.cause ?? data.details ?? data.message ?? "";
    const doc = typeof data.doc === "string" ? this.base + data.doc.replace(/^\//, "") : "";
    const wait = Number(response.headers.get("Retry-After"));
    return new ApiError(response.status, body?.message ?? response.statusText, {
      cause: typeof cause === "string" ? cause : JSON.stringify(cause), doc, data, retryAfter: wait > 0 ? wait : 0,
    });
  }

  /**
   * @param {string} method
   * @param {ApiError} err
   */
  note(method, err) {
    if (err.status === 401) this.onUnauthorized();
    if (err.status === 403) this.refused.add(method);
    return err;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
async function read(response) {
  try {
    return await response.json();
  } catch (err) {
    if (err instanceof Error && err.name === "AbortError") throw err;
    throw new ApiError(0, "no_answer", { cause: err instanceof Error ? err.message : "" });
  }
}

/**
 * When a presigned URL expires, in ms since 1970; undefined if the URL does not say.
 * @param {string} url
 */
export function expiry(url) {
  const query = new URL(url).searchParams;
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "");
  const seconds = Number(query.get("X-Amz-Expires"));
  if (!date || !seconds) return undefined;
  const [year, month, ...rest] = date.slice(1).map(Number);
  return Date.UTC(year, month - 1, rest[0], rest[1], rest[2], rest[3]) + seconds * 1000;
}

/** A random idempotency key. crypto.randomUUID is missing on plain HTTP. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => (clearTimeout(timer), reject(signal?.reason));
    const timer = setTimeout(() => (signal?.removeEventListener("abort", stop), resolve()), ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
  });
}
