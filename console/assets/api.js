// A client of the public API, as any client could write it (docs/contract.md).
/** @import { ApiOptions, Answer, ListParams, Options, Recording, Request, Upload } from "../types.js" */

/** An answer that is not success. Status 0 means that no answer arrived. */
export class ApiError extends Error {
  /** The API's explanation. @type {string} */
  cause = "";
  /** The address of a page about this error. */
  doc = "";
  /** Seconds after which a retry may succeed; 0 if unknown. */
  retryAfter = 0;
  /** @type {any} what the API gave as data */
  data = {};

  /** @param {number} status @param {string} message such as bad_identifier @param {Partial<ApiError>} [more] */
  constructor(status, message, more) {
    super(message);
    this.status = status;
    Object.assign(this, more);
  }
}

const retries = 3;
const timeout = 30_000; // ms; the service answers within 29 s
const longestWait = 20; // seconds

/** The API of one account with one token. */
export class Api {
  /** @type {Set<string>} the methods that this token got a 403 for */
  #refused = new Set();
  /** @type {Promise<string[]> | undefined} */
  #paths;

  /** @param {ApiOptions} options */
  constructor({ base, account, token, onUnauthorized = () => {}, fetch = (...a) => globalThis.fetch(...a), sleep = pause }) {
    this.base = base;
    this.account = account;
    this.token = token;
    this.onUnauthorized = onUnauthorized;
    this.fetch = fetch;
    this.sleep = sleep;
  }

  path(id = "", owner = "") {
    const parts = ["v2/accounts", this.account, ...(owner ? ["users", owner] : []), "recordings", ...(id ? [id] : [])];
    return parts.map((part, i) => (i ? encodeURIComponent(part) : part)).join("/");
  }

  /**
   * Returns a page of a list.
   * @param {ListParams} params @param {Options} [options]
   * @returns {Promise<{data: Recording[], nextStartKey: string | undefined}>}
   */
  async list({ owner, ...query }, { signal } = {}) {
    const body = await this.json("GET", this.path("", owner ? String(owner) : ""), { query, signal });
    return { data: body.data.map(typed), nextStartKey: body.next_start_key };
  }

  /** @param {string} id @param {Options} [options] */
  get(id, options = {}) {
    return this.#document("GET", this.path(id), { signal: options.signal });
  }

  /**
   * Merges userMetadata into the stored one. A conflict is an ApiError with status 412.
   * @param {string} id @param {object} userMetadata @param {string} [etag] @param {Options} [options]
   */
  patch(id, userMetadata, etag, { signal } = {}) {
    const headers = etag ? { "If-Match": etag } : undefined;
    return this.#document("PATCH", this.path(id), { headers, body: { data: { user_metadata: userMetadata } }, signal });
  }

  /**
   * Deletes a recording. A retry may find it deleted (contract, After a lost answer). Returns
   * the document as it was, undefined after such a retry.
   * @param {string} id @param {Options} [options] @returns {Promise<import("../types.js").Recording|undefined>}
   */
  async remove(id, { signal } = {}) {
    /** @type {Request} */
    const request = { signal, repeatable: true };
    try {
      return (await this.json("DELETE", this.path(id), request)).data;
    } catch (err) {
      if (!(err instanceof ApiError && err.status === 404 && request.lost)) throw err;
    }
  }

  /**
   * Creates a recording. Retries of one upload have the same idempotency key.
   * @param {{data?: object, upload?: object}} body @param {Options & {key?: string}} [options]
   * @returns {Promise<Answer & {upload: Upload | undefined}>}
   */
  async create(body, { signal, key = randomKey() } = {}) {
    const made = await this.#document("PUT", this.path(), { headers: { "Idempotency-Key": key }, body, signal, repeatable: true });
    return { ...made, upload: made.recording._read_only?.upload };
  }

  /**
   * Returns a URL for an audio element. It is presigned and expires (ms since 1970), unless the
   * API itself serves the audio. Ask again when it has expired or failed.
   * @param {string} id @param {Options & {download?: boolean}} [options] download: the browser saves the audio
   * @returns {Promise<{url: string, expires?: number}>}
   */
  async audioUrl(id, { signal, download } = {}) {
    const path = `${this.path(id)}/audio`;
    const inline = download ? "" : "true";
    // A page cannot read the Location of a redirect. It follows the redirect for one byte and
    // takes the address that it arrived at.
    const request = { query: { inline, delivery: "redirect" }, headers: { Range: "bytes=0-0" }, signal };
    const response = await this.request("GET", path, request).catch((err) => {
      if (err.status !== 0) throw err; // 0: the host of the audio may not allow pages to read it
    });
    response?.body?.cancel().catch(() => {});
    if (response?.redirected) return { url: response.url, expires: expiry(response.url) };
    return { url: this.url(path, { inline, auth_token: this.token }) };
  }

  /**
   * Returns the audio or a range of it, from byte to byte, both inclusive.
   * @param {string} id @param {Options & {range?: [number, number]}} [options]
   */
  fetchAudio(id, { range, signal } = {}) {
    const headers = range ? { Range: `bytes=${range[0]}-${range[1]}` } : undefined;
    return this.request("GET", `${this.path(id)}/audio`, { query: { inline: "true" }, headers, signal, stream: true });
  }

  /**
   * Restores a deleted recording.
   * @param {string} id @returns {Promise<import("../types.js").Recording>}
   */
  async restore(id) {
    return (await this.json("POST", `${this.path(id)}/restore`, { repeatable: true })).data;
  }

  /** Reports whether the API's definition has a path with this end. @param {string} end such as /links */
  async offers(end) {
    this.#paths ??= this.json("GET", "v2/openapi.json", {}).then((body) => Object.keys(body.paths), () => []);
    return (await this.#paths).some((path) => path.endsWith(end));
  }

  /** Reports whether no request with this method was forbidden so far. @param {string} method */
  may(method) {
    return !this.#refused.has(method);
  }

  /** @param {string} path @param {ListParams} [query] */
  url(path, query = {}) {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    return url.href;
  }

  /** @param {string} method @param {string} path @param {Request} request @returns {Promise<Answer>} */
  async #document(method, path, request) {
    const response = await this.request(method, path, request);
    return { recording: typed((await read(response)).data), etag: response.headers.get("ETag") ?? "" };
  }

  /** @param {string} method @param {string} path @param {Request} request */
  async json(method, path, request) {
    return read(await this.request(method, path, request));
  }

  /**
   * Sends a request, and retries it after a 429, which means that it did nothing. After a 503 it
   * retries only GET and repeatable requests.
   * @param {string} method @param {string} path @param {Request} request @returns {Promise<Response>}
   */
  async request(method, path, request) {
    for (let tries = 0; ; tries++) {
      const answer = await this.#attempt(method, path, request);
      if (answer instanceof Response) return answer;
      const { status, retryAfter } = answer;
      if (status === 401) this.onUnauthorized();
      if (status === 403) this.#refused.add(method);
      if (status === 503) request.lost = true;
      const again = status === 429 || (status === 503 && (method === "GET" || request.repeatable));
      if (!again || tries === retries || retryAfter > longestWait) throw answer;
      await this.sleep(Math.max(retryAfter * 1000, 500 * 2 ** tries * (0.5 + Math.random() / 2)), request.signal);
    }
  }

  /** @param {string} method @param {string} path @param {Request} request @returns {Promise<Response | ApiError>} */
  async #attempt(method, path, { query, headers, body, signal, stream }) {
    const signals = [...(stream ? [] : [AbortSignal.timeout(timeout)]), ...(signal ? [signal] : [])];
    try {
      const response = await this.fetch(this.url(path, query), {
        method,
        headers: {
          Accept: "application/json", ...headers, ...(this.token && { "X-Auth-Token": this.token }),
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.any(signals), cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer",
      });
      return response.ok ? response : await this.#fault(response);
    } catch (err) {
      if (signal?.aborted) throw err;
      return unanswered(err);
    }
  }

  /** @param {Response} response */
  async #fault(response) {
    const body = await response.json().catch(() => ({}));
    const data = body.data ?? {};
    const cause = data.cause ?? data.details ?? data.message ?? "";
    return new ApiError(response.status, body.message ?? response.statusText, {
      data, cause: typeof cause === "string" ? cause : JSON.stringify(cause),
      doc: data.doc ? new URL(String(data.doc).slice(1), this.base).href : "",
      retryAfter: Number(response.headers.get("Retry-After")) || 0,
    });
  }
}

/** @param {Response} response @returns {Promise<any>} */
function read(response) {
  return response.json().catch((err) => { throw err.name === "AbortError" ? err : unanswered(err); });
}

/** Gives fields their types. A recording from a Kazoo is as it was there. @param {any} recording @returns {Recording} */
function typed(recording) {
  for (const [name, value] of Object.entries(recording)) {
    if (value === null) delete recording[name];
    else if (/^(start|duration|duration_ms)$/.test(name)) recording[name] = Number(value) || 0;
    else if (/^(from|to|name|direction|(caller|callee|owner)_\w+)$/.test(name) && typeof value !== "string") recording[name] = JSON.stringify(value);
  }
  return recording;
}

/** @param {any} err */
const unanswered = (err) => new ApiError(0, "no_answer", { cause: err?.message });

/** Returns when a presigned URL expires, in ms since 1970, or undefined. @param {string} url */
export function expiry(url) {
  const query = new URL(url).searchParams;
  const iso = query.get("X-Amz-Date")?.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return Date.parse(iso ?? "") + Number(query.get("X-Amz-Expires")) * 1000 || undefined;
}

/** Returns a random idempotency key. crypto.randomUUID is missing on plain HTTP. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** @param {number} ms @param {AbortSignal} [signal] @returns {Promise<void>} */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => { clearTimeout(timer); reject(signal?.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, ms);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop);
  });
}
