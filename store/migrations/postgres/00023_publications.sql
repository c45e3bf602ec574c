-- +goose Up
-- Contents of campaigns that people pull: whoever writes one of the keywords on the channel
-- gets it. resolved and snippets are what it said when it was published, as JSON. since and
-- until bound its life, ms since 1970; until is null if nothing ends it.
CREATE TABLE publications (
    campaign_id BIGINT PRIMARY KEY,
    account_id  BIGINT NOT NULL,
    channel_id  BIGINT NOT NULL,
    keywords    TEXT   NOT NULL,
    resolved    TEXT   NOT NULL,
    snippets    TEXT   NOT NULL,
    since       BIGINT NOT NULL,
    until       BIGINT,
    by_whom     TEXT   NOT NULL,
    answered    BIGINT NOT NULL DEFAULT 0,
    failed      BIGINT NOT NULL DEFAULT 0
);
CREATE TABLE publication_keywords (
    channel_id  BIGINT NOT NULL,
    keyword     TEXT   COLLATE "C" NOT NULL,
    campaign_id BIGINT NOT NULL,
    PRIMARY KEY (channel_id, keyword, campaign_id)
);
CREATE INDEX publication_keywords_campaign ON publication_keywords (campaign_id);

-- Replies that asked for a content: with its message once it is answered, or with what
-- kept it from that. who is a hash of the sender, by which one who asks without end is
-- known.
CREATE TABLE pulls (
    reply_id    BIGINT PRIMARY KEY,
    campaign_id BIGINT NOT NULL,
    who         BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    message_id  BIGINT NOT NULL DEFAULT 0,
    failure     TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX pulls_who ON pulls (campaign_id, who, at);
CREATE INDEX pulls_open ON pulls (reply_id) WHERE message_id = 0 AND failure = '';
CREATE INDEX pulls_age ON pulls (at);

-- +goose Down
DROP TABLE pulls;
DROP TABLE publication_keywords;
DROP TABLE publications;
