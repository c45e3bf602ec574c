-- +goose Up
-- When somebody wrote to a channel last, for as long as that may matter: for some hours after,
-- a channel such as WhatsApp's may send them anything.
CREATE TABLE heard (
    channel_id INTEGER NOT NULL,
    address    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (channel_id, address)
) WITHOUT ROWID;
CREATE INDEX heard_at ON heard (at);
INSERT INTO heard (channel_id, address, at) SELECT channel_id, address, MAX(at) FROM replies
    WHERE address <> '' AND provider_id NOT LIKE 'preference:%' AND at > CAST(strftime('%s', 'now') AS INTEGER) * 1000 - 172800000 GROUP BY channel_id, address;

-- +goose Down
DROP TABLE heard;
