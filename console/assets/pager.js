// Loads a list page by page and keeps what passes the filters that the API lacks.

/** @import { Query, Recording } from "../types.js" */
/** @import { Api } from "./api.js" */

/** How many recordings one call of more examines before it gives up on finding a match. */
export const step = 5000;

const enough = 20; // matches per call of more
const firstPage = 50; // small, so that the first rows appear soon
const sizes = [firstPage, 250, 1000]; // the API's maximum is 1000

export class Pager {
  /**
   * @param {Pick<Api, "list">} api
   * @param {Query} query
   */
  constructor(api, query) {
    this.api = api;
    this.query = query;
    /** @type {Recording[]} */
    this.rows = [];
    this.examined = 0;
    this.done = false;
    /** The last call of more examined step recordings and found too few. */
    this.paused = false;
    this.pages = 0;
    /** @type {string | undefined} */
    this.cursor = undefined;
  }

  /**
   * Loads until there are more rows, the list ends, or step recordings have been examined. A page
   * may be short, even empty, before the end of the list. After an error, more goes on where it
   * was.
   * @param {AbortSignal} [signal]
   */
  async more(signal) {
    const wanted = this.rows.length + (this.query.local ? enough : 1);
    const limit = this.examined + step;
    this.paused = false;
    while (!this.done && this.rows.length < wanted) {
      if (this.examined >= limit) {
        this.paused = true;
        return;
      }
      await this.page(signal);
    }
  }

  /** @param {AbortSignal} [signal] */
  async page(signal) {
    // A filter of the page discards most rows, so large pages come at once.
    const size = this.query.local && this.pages ? 1000 : sizes[Math.min(this.pages >> 1, 2)];
    const { data, nextStartKey } = await this.api.list({ ...this.query.params, start_key: this.cursor, page_size: size }, { signal });
    signal?.throwIfAborted();
    this.pages++;
    this.examined += data.length;
    for (const recording of data) if (!this.query.local || this.query.local(recording)) this.rows.push(slim(recording));
    this.cursor = nextStartKey;
    this.done = !nextStartKey;
  }
}

/** The fields that the page shows. The others would make 100,000 rows heavy. */
const fields = /** @type {const} */ (["id", "start", "direction", "from", "to", "caller_id_name", "caller_id_number", "callee_id_name",
  "callee_id_number", "duration", "duration_ms", "owner_id", "name", "media_type", "content_type", "call_id", "url", "user_metadata", "_read_only"]);

/**
 * @param {Recording} recording
 * @returns {Recording}
 */
function slim(recording) {
  /** @type {any} */
  const kept = {};
  for (const field of fields) if (recording[field] !== undefined) kept[field] = recording[field];
  return kept;
}
