-- +goose Up
SET LOCAL lock_timeout = '2s';
-- How many messages of an account go out at most, over all of its channels, NULL for any number.
ALTER TABLE accounts ADD COLUMN most_per_day BIGINT;
ALTER TABLE accounts ADD COLUMN most_per_second BIGINT;

-- How many messages of an account were claimed in each five minutes, counted in the
-- transactions that claim them. Each writer has a shard, so that none waits for another.
CREATE TABLE account_sends (
    account_id BIGINT  NOT NULL,
    bucket     BIGINT  NOT NULL, -- the time in ms since 1970 / 300000
    shard      INTEGER NOT NULL,
    claimed    BIGINT  NOT NULL,
    PRIMARY KEY (account_id, bucket, shard)
) WITH (fillfactor = 50);

-- +goose Down
SET LOCAL lock_timeout = '2s';
DROP TABLE account_sends;
ALTER TABLE accounts DROP COLUMN most_per_second;
ALTER TABLE accounts DROP COLUMN most_per_day;
