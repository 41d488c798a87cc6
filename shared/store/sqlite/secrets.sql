-- Storage secrets, which clients put in the URL of a storage request. Only
-- their checksums are stored.
CREATE TABLE secrets (
  account TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  sum     TEXT    NOT NULL, -- SHA-256 of the secret, in hex; '' if it was revoked
  label   TEXT    NOT NULL,
  created INTEGER NOT NULL, -- Gregorian seconds
  PRIMARY KEY (account, id)
);
