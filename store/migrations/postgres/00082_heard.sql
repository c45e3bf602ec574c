-- +goose Up
-- When somebody wrote to a channel last, for as long as that may matter: for some hours after,
-- a channel such as WhatsApp's may send them anything.
CREATE TABLE heard (
    channel_id BIGINT NOT NULL,
    address    TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (channel_id, address)
);
CREATE INDEX heard_at ON heard (at);
INSERT INTO heard (channel_id, address, at) SELECT channel_id, address, MAX(at) FROM replies
    WHERE address <> '' AND provider_id NOT LIKE 'preference:%' AND at > CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT) - 172800000 GROUP BY channel_id, address;

-- +goose Down
DROP TABLE heard;
