-- Deleted recordings that can be restored: rows with restore_until > 0. They keep all
-- columns of the recording, and are in none of the indexes for recordings.
ALTER TABLE recordings ADD COLUMN restore_until INTEGER NOT NULL DEFAULT 0;  -- Gregorian seconds; 0: not restorable
ALTER TABLE recordings ADD COLUMN deleted_by    TEXT    NOT NULL DEFAULT ''; -- a user ID, if known
ALTER TABLE recordings ADD COLUMN cause         TEXT    NOT NULL DEFAULT ''; -- '' if a client deleted it
CREATE INDEX restorable         ON recordings (account, restore_until, id) WHERE restore_until <> 0;
CREATE INDEX restorable_by_user ON recordings (account, owner, restore_until, id) WHERE restore_until <> 0;
