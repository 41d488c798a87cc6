// The types that the modules in assets share. This file has no code, and browsers do not load it.

/**
 * A recording: the document as the API gives it (docs/contract.md, The document).
 * Only id is guaranteed.
 * @typedef {Object} Recording
 * @property {string} id
 * @property {number} [start] Gregorian seconds
 * @property {string} [direction] inbound or outbound
 * @property {string} [from] user@realm
 * @property {string} [to] user@realm
 * @property {string} [caller_id_name]
 * @property {string} [caller_id_number]
 * @property {string} [callee_id_name]
 * @property {string} [callee_id_number]
 * @property {number} [duration] seconds
 * @property {number} [duration_ms] milliseconds
 * @property {string} [owner_id]
 * @property {string} [name] file name
 * @property {string} [media_type] such as mp3
 * @property {string} [content_type] such as audio/mpeg
 * @property {string} [call_id]
 * @property {string} [url] where external audio is kept
 * @property {UserMetadata} [user_metadata]
 * @property {ReadOnly} [_read_only]
 */

/**
 * What this page keeps in a recording's user_metadata (docs/reference/tags-and-notes.md). Other
 * clients may read and write it, and add members of their own.
 *
 * Tags and notes are objects, not lists, for two reasons: the API merges objects, so two
 * people can add tags at the same time, and its filters reach members of objects
 * (has_key=user_metadata.tags.NAME), but not members of lists. Null removes a member.
 * @typedef {Object} UserMetadata
 * @property {{[name: string]: Place | boolean | null}} [tags] true is a tag without a place
 * @property {{[id: string]: Note | null}} [notes] a random ID → the note
 */

/**
 * A place in the audio. Without at it is the whole recording.
 * @typedef {Object} Place
 * @property {number} [at] seconds from the beginning
 */

/**
 * @typedef {Object} Note
 * @property {number} [at] seconds from the beginning
 * @property {number} [to] seconds; the note is about the part from at to here
 * @property {string} text
 * @property {string} [by] the owner ID of the token that wrote it
 * @property {string} [created] RFC 3339
 */

/**
 * @typedef {"pending" | "ready" | "empty" | "failed"} State
 */

/**
 * @typedef {Object} ReadOnly
 * @property {State} [state]
 * @property {string} [reason] why it failed
 * @property {string[]} [content_types]
 * @property {Upload} [upload] only after create
 * @property {boolean} [deleted] only after remove
 * @property {number} [restorable_until] only after remove: until when it can be restored, in Gregorian seconds
 */

/**
 * A request that stores the audio of a new recording. It needs no token.
 * @typedef {Object} Upload
 * @property {string} method
 * @property {string} url
 * @property {{[name: string]: string}} headers
 * @property {string} expires RFC 3339
 */

/**
 * The filters of the list, as they are in the page's URL. Every member is text; "" is no filter.
 * @typedef {Object} Filters
 * @property {string} range today, yesterday, 7d, 30d, or "" for from and to
 * @property {string} from YYYY-MM-DD in the viewer's time zone, inclusive
 * @property {string} to YYYY-MM-DD, inclusive
 * @property {string} direction inbound or outbound
 * @property {string} number a number or a word
 * @property {string} side from or to: where number is looked for; "" is both
 * @property {string} owner
 * @property {string} tag
 * @property {string} min minimum length in seconds
 * @property {string} state
 */

/**
 * The parameters of a list: owner selects that user's list; the others go into the query.
 * @typedef {{[name: string]: string | number | undefined}} ListParams
 */

/**
 * What filters ask of the API, and what is left to this page.
 * @typedef {Object} Query
 * @property {ListParams} params
 * @property {((recording: Recording) => boolean) | null} local the filters that the API lacks
 * @property {string[]} localNames the names of those filters
 */

/**
 * @typedef {Object} View
 * @property {Filters} filters
 * @property {string} account
 * @property {string} recording the ID of the open recording, or ""
 */

/**
 * A filter that the page applies.
 * @typedef {[name: string, test: (recording: Recording) => boolean]} LocalFilter
 */

/**
 * @typedef {Object} ApiOptions
 * @property {string} base the service's address, with a slash at its end
 * @property {string} account
 * @property {string} token "" for requests without one
 * @property {() => void} [onUnauthorized] called after a 401
 * @property {typeof fetch} [fetch]
 * @property {(ms: number, signal?: AbortSignal) => Promise<void>} [sleep]
 */

/**
 * @typedef {Object} Request
 * @property {ListParams} [query]
 * @property {Record<string, string>} [headers]
 * @property {unknown} [body] sent as JSON
 * @property {AbortSignal} [signal]
 * @property {boolean} [repeatable] may be sent again after a lost answer; GET always may
 * @property {boolean} [lost] set by Api.request: an answer was a 503, so the request may have been carried out
 * @property {boolean} [stream] the answer may take longer than the time-out
 */

/**
 * @typedef {{signal?: AbortSignal}} Options
 */

/**
 * @typedef {{recording: Recording, etag: string}} Answer
 */

/**
 * @typedef {Object} Session
 * @property {string} token
 * @property {string} account the account of the token
 * @property {string[]} accounts accounts that were entered by hand
 * @property {boolean} [alone] no Kazoo has this address
 */

/**
 * The fields of a form of the login, and what submits them.
 * @typedef {[submit: () => Promise<Session | undefined>, ...Node[]]} LoginFields
 */

/**
 * What the buttons of an empty list or of an error do.
 * @typedef {Record<"retry" | "reset" | "ownAccount", () => void>} Actions
 */

export {};
