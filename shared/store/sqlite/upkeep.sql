-- How far the removal of expired tombstones and claims has come. The table has
-- one row. See Sweep.
CREATE TABLE sweep (
  only  INTEGER PRIMARY KEY CHECK (only = 1),
  at    INTEGER NOT NULL, -- Gregorian seconds: the clock when "until" last moved
  until INTEGER NOT NULL  -- Gregorian seconds: what expired before this time is removed
);

-- The account of an arrival: the second segment of the object's key. It lets
-- accounts take turns.
ALTER TABLE queue ADD COLUMN account TEXT NOT NULL DEFAULT '';
CREATE INDEX queue_account ON queue (name, account, number);
UPDATE queue SET account = substr(substr(k.key, instr(k.key, '/') + 1), 1, max(0, instr(substr(k.key, instr(k.key, '/') + 1), '/') - 1))
  FROM (SELECT number, coalesce(json_extract(CAST(body AS TEXT), '$.Records[0].s3.object.key'), '') AS key
    FROM queue WHERE name = 'arrivals' AND json_valid(CAST(body AS TEXT))) AS k
  WHERE queue.number = k.number;
