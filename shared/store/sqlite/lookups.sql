-- Indexes for the queues and for the checks of a start. Each holds only the rows
-- that its statements look for.

-- The waiting messages of a queue, and those of one account, in their order. They
-- have no parked messages (due = -1), so that these slow nothing down.
DROP INDEX queue_due;
DROP INDEX queue_account;
CREATE INDEX queue_waiting ON queue (name, number, due) WHERE due >= 0;
CREATE INDEX queue_account ON queue (name, account, number, due) WHERE due >= 0;
CREATE INDEX queue_parked  ON queue (name) WHERE due = -1;

-- Recordings that changed recently, and audio keys that do not follow from the ID.
CREATE INDEX by_modified  ON recordings (modified) WHERE deleted = 0 AND audio_place = 'managed';
CREATE INDEX by_audio_key ON recordings (audio_key) WHERE audio_key <> '';
