-- The embedded store. A row is a recording, or, where deleted is not 0, the
-- tombstone of one. The indexes hold living rows only, in the order of lists.
CREATE TABLE recordings (
  account       TEXT    NOT NULL,
  id            TEXT    NOT NULL,
  owner         TEXT    NOT NULL,
  created       INTEGER NOT NULL, -- Gregorian seconds, as all times here
  modified      INTEGER NOT NULL,
  revision      TEXT    NOT NULL,
  audio_place   TEXT    NOT NULL, -- '', 'managed' or 'external'
  audio_key     TEXT    NOT NULL, -- '' for the usual one
  audio_type    TEXT    NOT NULL,
  audio_size    INTEGER NOT NULL, -- bytes
  doc           TEXT    NOT NULL, -- the public document without its id, JSON
  deleted       INTEGER NOT NULL DEFAULT 0, -- when it was
  purge_pending INTEGER NOT NULL DEFAULT 0,
  expires       INTEGER NOT NULL DEFAULT 0, -- when the tombstone goes; 0: not yet
  PRIMARY KEY (account, id)
);
CREATE INDEX by_created ON recordings (account, created, id) WHERE deleted = 0;
CREATE INDEX by_user    ON recordings (account, owner, created, id) WHERE deleted = 0;
CREATE INDEX pending    ON recordings (deleted) WHERE purge_pending = 1;
CREATE INDEX expiring   ON recordings (expires) WHERE expires > 0;
