-- The announced upload, the request that created the recording, and the state
-- of the audio.
ALTER TABLE recordings ADD COLUMN upload_type     TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN upload_size     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN upload_sha256   TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN made            TEXT    NOT NULL DEFAULT ''; -- fingerprint of the request that created it
ALTER TABLE recordings ADD COLUMN audio_state     TEXT    NOT NULL DEFAULT ''; -- '' if it follows from audio_place
ALTER TABLE recordings ADD COLUMN audio_reason    TEXT    NOT NULL DEFAULT ''; -- why audio_state is 'failed'
ALTER TABLE recordings ADD COLUMN audio_sha256    TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN audio_sequencer TEXT    NOT NULL DEFAULT '';
CREATE INDEX awaiting ON recordings (account, id) WHERE deleted = 0 AND audio_place = '';

-- Recording IDs reserved for idempotency keys and file names.
CREATE TABLE claims (
  account TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  id      TEXT    NOT NULL, -- the reserved recording ID
  made    TEXT    NOT NULL, -- fingerprint of the first request with this key
  expires INTEGER NOT NULL, -- Gregorian seconds
  PRIMARY KEY (account, key)
);
CREATE INDEX claims_expiring ON claims (expires);

-- Durable queues: messages that are still to be processed, in order.
CREATE TABLE queue (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name   TEXT    NOT NULL,
  body   TEXT    NOT NULL, -- JSON
  tries  INTEGER NOT NULL DEFAULT 0, -- failed attempts
  due    INTEGER NOT NULL DEFAULT 0, -- Unix milliseconds; -1: waits for a replay
  error  TEXT    NOT NULL DEFAULT '' -- of the last attempt
);
CREATE INDEX queue_due ON queue (name, due, number);
