-- +goose Up
-- Who says who somebody is, by OpenID Connect.
CREATE TABLE identity_providers (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id    INTEGER NOT NULL,
    name          TEXT    NOT NULL,
    issuer        TEXT    NOT NULL,
    client_id     TEXT    NOT NULL,
    client_secret TEXT    NOT NULL, -- sealed
    scopes        TEXT    NOT NULL, -- separated by spaces
    group_claim   TEXT    NOT NULL,
    roles         TEXT    NOT NULL, -- JSON
    default_role  TEXT    NOT NULL DEFAULT '', -- empty: none
    domains       TEXT    NOT NULL, -- separated by spaces
    enabled       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
);
CREATE UNIQUE INDEX identity_providers_name ON identity_providers (account_id, name);
-- Whom they know: by the subject, and never by the address.
CREATE TABLE user_identities (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id  INTEGER NOT NULL,
    user_id     INTEGER NOT NULL,
    provider_id INTEGER NOT NULL,
    issuer      TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL
);
CREATE UNIQUE INDEX user_identities_subject ON user_identities (provider_id, issuer, subject);
CREATE INDEX user_identities_user ON user_identities (user_id);
CREATE INDEX user_identities_account ON user_identities (account_id, id);
-- What sign-ins through them began with and was used up.
CREATE TABLE used_sign_ins (
    hash    TEXT    NOT NULL PRIMARY KEY,
    ends_at INTEGER NOT NULL
);
CREATE INDEX used_sign_ins_ends ON used_sign_ins (ends_at);
ALTER TABLE user_sessions ADD COLUMN provider_id INTEGER NOT NULL DEFAULT 0;
-- Kept out by a provider that gives no role any more.
ALTER TABLE account_users ADD COLUMN barred INTEGER NOT NULL DEFAULT 0;

-- +goose Down
-- Nobody gets in who was kept out, and no session is anything else than it was.
DELETE FROM user_sessions WHERE provider_id <> 0;
DELETE FROM account_users WHERE barred;
ALTER TABLE account_users DROP COLUMN barred;
ALTER TABLE user_sessions DROP COLUMN provider_id;
DROP TABLE used_sign_ins;
DROP TABLE user_identities;
DROP TABLE identity_providers;
