-- What is kept of storage secrets, which are in the URLs of who writes
-- recordings.
CREATE TABLE secrets (
  account TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  sum     TEXT    NOT NULL, -- SHA-256, hex
  label   TEXT    NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (account, id)
);
