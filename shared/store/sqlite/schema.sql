-- Recordings and tombstones. A row with deleted = 0 is a recording, any other
-- row is a tombstone. by_created and by_user serve lists: they hold recordings
-- only, in the order of the lists.
CREATE TABLE recordings (
  account       TEXT    NOT NULL,
  id            TEXT    NOT NULL,
  owner         TEXT    NOT NULL,
  created       INTEGER NOT NULL, -- Gregorian seconds, like all times in this table
  modified      INTEGER NOT NULL,
  revision      TEXT    NOT NULL,
  audio_place   TEXT    NOT NULL, -- '' (no audio), 'managed' or 'external'
  audio_key     TEXT    NOT NULL, -- '' if it follows from account and id (recording.AudioKey)
  audio_type    TEXT    NOT NULL,
  audio_size    INTEGER NOT NULL, -- bytes; 0: unknown or empty
  doc           TEXT    NOT NULL, -- the public document without its ID, as JSON
  deleted       INTEGER NOT NULL DEFAULT 0, -- time of the delete; 0: not deleted
  purge_pending INTEGER NOT NULL DEFAULT 0, -- 1: deleted, and the audio is not confirmed gone
  expires       INTEGER NOT NULL DEFAULT 0, -- when the tombstone is removed; 0: no expiry
  PRIMARY KEY (account, id)
);
CREATE INDEX by_created ON recordings (account, created, id) WHERE deleted = 0;
CREATE INDEX by_user    ON recordings (account, owner, created, id) WHERE deleted = 0;
CREATE INDEX pending    ON recordings (deleted) WHERE purge_pending = 1;
CREATE INDEX expiring   ON recordings (expires) WHERE expires > 0;
