-- +goose Up
-- It is kept for eight days when somebody wrote, and no longer for two: with a tag of Meta's a channel may write to
-- them for a week.
INSERT INTO heard (channel_id, address, at) SELECT channel_id, address, MAX(at) FROM replies
    WHERE address <> '' AND provider_id NOT LIKE 'preference:%' AND at > CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT) - 691200000 GROUP BY channel_id, address
    ON CONFLICT (channel_id, address) DO UPDATE SET at = excluded.at WHERE heard.at < excluded.at;

-- +goose Down
DELETE FROM heard WHERE at < CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT) - 172800000;
