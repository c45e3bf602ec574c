-- +goose Up
-- People who sign in. Who may do what in which account stands in account_users.
CREATE TABLE users (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    email           TEXT    NOT NULL, -- in lower case
    name            TEXT    NOT NULL,
    password        TEXT    NOT NULL DEFAULT '', -- Argon2id in the form of PHC; empty: none
    totp            TEXT    NOT NULL DEFAULT '', -- sealed; empty: no second factor
    totp_step       INTEGER NOT NULL DEFAULT 0,  -- the last step of 30 s whose code was taken
    created_at      INTEGER NOT NULL,
    last_sign_in_at INTEGER
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE TABLE user_recovery (
    user_id INTEGER NOT NULL,
    hash    TEXT    NOT NULL,
    PRIMARY KEY (user_id, hash)
);
CREATE TABLE account_users (
    account_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    role       TEXT    NOT NULL,
    approver   INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, user_id)
);
CREATE INDEX account_users_user ON account_users (user_id, account_id);
CREATE TABLE user_sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       TEXT    NOT NULL,
    user_id    INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    source     TEXT    NOT NULL DEFAULT '',
    agent      TEXT    NOT NULL DEFAULT '',
    methods    TEXT    NOT NULL -- password, totp, recovery, passkey, oidc: separated by spaces
);
CREATE UNIQUE INDEX user_sessions_hash ON user_sessions (hash);
CREATE INDEX user_sessions_user ON user_sessions (user_id, id);
CREATE INDEX user_sessions_ends ON user_sessions (ends_at);
-- Browsers from which somebody has signed in: they are not slowed down by others' guesses.
CREATE TABLE user_devices (
    hash    TEXT    NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
CREATE INDEX user_devices_user ON user_devices (user_id, seen_at);
-- Invitations into an account.
CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    hash       TEXT    NOT NULL,
    account_id INTEGER NOT NULL,
    email      TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    approver   INTEGER NOT NULL DEFAULT 0,
    invited_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
);
CREATE UNIQUE INDEX invitations_hash ON invitations (hash);
CREATE UNIQUE INDEX invitations_email ON invitations (account_id, email);
-- Links by which a password is set anew: one of a user at a time.
CREATE TABLE password_resets (
    user_id    INTEGER NOT NULL PRIMARY KEY,
    hash       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL
);
CREATE UNIQUE INDEX password_resets_hash ON password_resets (hash);

-- +goose Down
DROP TABLE password_resets;
DROP TABLE invitations;
DROP TABLE user_devices;
DROP TABLE user_sessions;
DROP TABLE account_users;
DROP TABLE user_recovery;
DROP TABLE users;
