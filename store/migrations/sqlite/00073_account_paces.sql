-- +goose Up
-- How many messages of an account go out at most, over all of its channels, NULL for any number.
ALTER TABLE accounts ADD COLUMN most_per_day INTEGER;
ALTER TABLE accounts ADD COLUMN most_per_second INTEGER;

-- How many messages of an account were claimed in each five minutes, counted in the
-- transactions that claim them. Each writer has a shard, so that none waits for another.
CREATE TABLE account_sends (
    account_id INTEGER NOT NULL,
    bucket     INTEGER NOT NULL, -- the time in ms since 1970 / 300000
    shard      INTEGER NOT NULL,
    claimed    INTEGER NOT NULL,
    PRIMARY KEY (account_id, bucket, shard)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE account_sends;
ALTER TABLE accounts DROP COLUMN most_per_second;
ALTER TABLE accounts DROP COLUMN most_per_day;
