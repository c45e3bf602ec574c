-- +goose Up
-- Contents of campaigns that people pull: whoever writes one of the keywords on the channel
-- gets it. resolved and snippets are what it said when it was published, as JSON. since and
-- until bound its life, ms since 1970; until is null if nothing ends it.
CREATE TABLE publications (
    campaign_id INTEGER PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    channel_id  INTEGER NOT NULL,
    keywords    TEXT   NOT NULL,
    resolved    TEXT   NOT NULL,
    snippets    TEXT   NOT NULL,
    since       INTEGER NOT NULL,
    until       INTEGER,
    by_whom     TEXT   NOT NULL,
    answered    INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE publication_keywords (
    channel_id  INTEGER NOT NULL,
    keyword     TEXT   NOT NULL,
    campaign_id INTEGER NOT NULL,
    PRIMARY KEY (channel_id, keyword, campaign_id)
);
CREATE INDEX publication_keywords_campaign ON publication_keywords (campaign_id);

-- Replies that asked for a content: with its message once it is answered, or with what
-- kept it from that. who is a hash of the sender, by which one who asks without end is
-- known.
CREATE TABLE pulls (
    reply_id    INTEGER PRIMARY KEY,
    campaign_id INTEGER NOT NULL,
    who         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    message_id  INTEGER NOT NULL DEFAULT 0,
    failure     TEXT   NOT NULL DEFAULT ''
);
CREATE INDEX pulls_who ON pulls (campaign_id, who, at);
CREATE INDEX pulls_open ON pulls (reply_id) WHERE message_id = 0 AND failure = '';
CREATE INDEX pulls_age ON pulls (at);

-- +goose Down
DROP TABLE pulls;
DROP TABLE publication_keywords;
DROP TABLE publications;
