-- +goose Up
-- What passkeys know a person by: 32 random bytes, once there was one. What follows is in base 64 (URL).
ALTER TABLE users ADD COLUMN handle TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX users_handle ON users (handle) WHERE handle <> '';
CREATE TABLE user_passkeys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    credential TEXT    NOT NULL, -- what its keeper calls it
    public_key TEXT    NOT NULL,
    transports TEXT    NOT NULL, -- separated by spaces
    flags      INTEGER NOT NULL,
    sign_count INTEGER NOT NULL, -- 0: it counts nothing
    created_at INTEGER NOT NULL,
    used_at    INTEGER,
    source     TEXT    NOT NULL DEFAULT '' -- the address that it was used from last
);
CREATE UNIQUE INDEX user_passkeys_credential ON user_passkeys (credential);
CREATE INDEX user_passkeys_user ON user_passkeys (user_id, id);
-- What they are to sign: for minutes, once.
CREATE TABLE passkey_challenges (
    hash      TEXT    NOT NULL PRIMARY KEY,
    challenge TEXT    NOT NULL,
    user_id   INTEGER NOT NULL, -- who registers one; 0: somebody signs in
    source    TEXT    NOT NULL, -- the network that signs in
    ends_at   INTEGER NOT NULL
);
CREATE INDEX passkey_challenges_whose ON passkey_challenges (user_id, source, ends_at);
CREATE INDEX passkey_challenges_ends ON passkey_challenges (ends_at);

-- +goose Down
DROP TABLE passkey_challenges;
DROP TABLE user_passkeys;
DROP INDEX users_handle;
ALTER TABLE users DROP COLUMN handle;
-- Recovery codes stood in for passkeys, too.
DELETE FROM user_recovery WHERE user_id IN (SELECT id FROM users WHERE totp = '');
