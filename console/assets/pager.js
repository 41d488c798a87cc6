// Loads a list page by page and keeps what passes the filters that the API lacks.
/** @import { Query, Recording } from "../types.js" */
/** @import { Api } from "./api.js" */

/** The number of recordings that one call of more examines before it gives up. */
export const step = 5000;

const enough = 20; // matches that end a call of more
const sizes = [50, 250, 1000]; // a small first page comes sooner; the API's maximum is 1000

export class Pager {
  /** @type {Recording[]} */
  rows = [];
  examined = 0;
  done = false;
  /** The last call of more has given up. */
  paused = false;
  #pages = 0;
  /** @type {string | undefined} */
  #cursor;

  /** @param {Pick<Api, "list">} api @param {Query} query */
  constructor(api, query) {
    this.api = api;
    this.query = query;
  }

  /**
   * Loads until there are more rows, the list ends, or step recordings have been examined. A page
   * may be short, even empty, before the end. After an error, the next call continues there.
   * @param {AbortSignal} [signal]
   */
  async more(signal) {
    const wanted = this.rows.length + (this.query.local ? enough : 1);
    const limit = this.examined + step;
    do await this.#page(signal);
    while (!this.done && this.rows.length < wanted && this.examined < limit);
    this.paused = !this.done && this.rows.length < wanted;
  }

  /** @param {AbortSignal} [signal] */
  async #page(signal) {
    const { local, params } = this.query;
    // A filter of this page discards most rows, so large pages come at once.
    const page_size = sizes[local && this.#pages ? 2 : Math.min(this.#pages >> 1, 2)];
    const { data, nextStartKey } = await this.api.list({ ...params, start_key: this.#cursor, page_size }, { signal });
    signal?.throwIfAborted();
    this.#pages++;
    this.examined += data.length;
    for (const recording of local ? data.filter(local) : data) {
      // Rows have nothing that the page does not show: 100,000 of them must fit into memory.
      const { custom_channel_vars, ...row } = /** @type {any} */ (recording);
      this.rows.push(row);
    }
    this.#cursor = nextStartKey;
    this.done = !nextStartKey;
  }
}
