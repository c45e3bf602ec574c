-- +goose Up
-- What is in a file, in pieces: at is the byte at which one begins.
CREATE TABLE file_pieces (
    file_id INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    at      INTEGER NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (file_id, at)
);
INSERT INTO file_pieces (file_id, at, content) SELECT id, 0, content FROM files;
ALTER TABLE files DROP COLUMN content;
-- hash is the SHA-256 of what is in it, in hexadecimal; empty for what came before, and while
-- the file is coming in. whole says that it has come. library says that it was uploaded to be
-- used again. taken_at is when it came for the last time.
ALTER TABLE files ADD COLUMN hash TEXT NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN whole BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE files ADD COLUMN library BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE files ADD COLUMN taken_at INTEGER NOT NULL DEFAULT 0;
UPDATE files SET taken_at = created_at;
CREATE UNIQUE INDEX files_hash ON files (account_id, hash) WHERE hash <> '';

-- What providers call files that they keep. sort is as what it was sent, where that matters.
-- expires_at is NULL where the provider sets no end.
CREATE TABLE media_ids (
    channel_id  INTEGER NOT NULL,
    file_id     INTEGER NOT NULL REFERENCES files (id) ON DELETE CASCADE,
    sort        TEXT    NOT NULL,
    provider_id TEXT    NOT NULL,
    expires_at  INTEGER,
    PRIMARY KEY (channel_id, file_id, sort)
) WITHOUT ROWID;
CREATE INDEX media_ids_file ON media_ids (file_id);

-- +goose Down
DROP TABLE media_ids;
DROP INDEX files_hash;
DELETE FROM files WHERE NOT whole;
ALTER TABLE files DROP COLUMN taken_at;
ALTER TABLE files DROP COLUMN library;
ALTER TABLE files DROP COLUMN whole;
ALTER TABLE files DROP COLUMN hash;
ALTER TABLE files ADD COLUMN content BLOB NOT NULL DEFAULT X'';
UPDATE files SET content = (SELECT unhex(group_concat(hex(p.content), '')) FROM
    (SELECT content FROM file_pieces WHERE file_id = files.id ORDER BY at) p);
DROP TABLE file_pieces;
