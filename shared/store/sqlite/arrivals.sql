-- What an upload says of the audio to come, and what became of it.
ALTER TABLE recordings ADD COLUMN upload_type     TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN upload_size     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN upload_sha256   TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN made            TEXT    NOT NULL DEFAULT ''; -- fingerprint of the request that made it
ALTER TABLE recordings ADD COLUMN audio_state     TEXT    NOT NULL DEFAULT ''; -- '' where audio_place says it all
ALTER TABLE recordings ADD COLUMN audio_reason    TEXT    NOT NULL DEFAULT ''; -- of the state failed
ALTER TABLE recordings ADD COLUMN audio_sha256    TEXT    NOT NULL DEFAULT '';
ALTER TABLE recordings ADD COLUMN audio_sequencer TEXT    NOT NULL DEFAULT '';
CREATE INDEX awaiting ON recordings (account, id) WHERE deleted = 0 AND audio_place = '';

-- Idempotency keys, and the recordings that they stand for.
CREATE TABLE claims (
  account TEXT    NOT NULL,
  key     TEXT    NOT NULL,
  id      TEXT    NOT NULL, -- of the recording
  made    TEXT    NOT NULL, -- fingerprint of the request that came first
  expires INTEGER NOT NULL,
  PRIMARY KEY (account, key)
);
CREATE INDEX claims_expiring ON claims (expires);

-- Durable queues: what somebody has still to be told, in order.
CREATE TABLE queue (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name   TEXT    NOT NULL,
  body   TEXT    NOT NULL, -- JSON
  tries  INTEGER NOT NULL DEFAULT 0,
  due    INTEGER NOT NULL DEFAULT 0, -- unix milliseconds; -1: set aside until somebody replays it
  error  TEXT    NOT NULL DEFAULT '' -- of the last try
);
CREATE INDEX queue_due ON queue (name, due, number);
