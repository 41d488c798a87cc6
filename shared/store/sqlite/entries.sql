-- Small JSON documents beside the recordings, such as token issuers and accounts.
CREATE TABLE entries (
  partition TEXT    NOT NULL,
  key       TEXT    NOT NULL,
  value     BLOB    NOT NULL,
  revision  TEXT    NOT NULL,
  expires   INTEGER NOT NULL, -- Gregorian seconds; 0 if never
  PRIMARY KEY (partition, key)
) WITHOUT ROWID;

CREATE INDEX entries_by_expiry ON entries (expires) WHERE expires > 0;
