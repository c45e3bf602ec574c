-- +goose Up
-- Templates, whose versions never change. What is deleted keeps its name for a while,
-- and its versions for runs that say which they had.
CREATE TABLE templates (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    category   TEXT    NOT NULL DEFAULT '',
    kinds      TEXT    NOT NULL, -- between spaces: ' email whatsapp '
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
);
CREATE UNIQUE INDEX templates_name ON templates (account_id, name) WHERE deleted_at IS NULL;
CREATE INDEX templates_deleted ON templates (account_id, name, deleted_at) WHERE deleted_at IS NOT NULL;

-- definition is the template as JSON, and built what its e-mails were built into, by
-- language.
CREATE TABLE template_versions (
    template_id INTEGER NOT NULL REFERENCES templates (id),
    version     INTEGER NOT NULL,
    definition  TEXT    NOT NULL,
    built       TEXT    NOT NULL,
    languages   TEXT    NOT NULL, -- between spaces, the default first
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (template_id, version)
) WITHOUT ROWID;

-- What the provider of a channel says of a template in a language; no row is a draft.
CREATE TABLE template_statuses (
    template_id INTEGER NOT NULL REFERENCES templates (id),
    channel_id  INTEGER NOT NULL,
    language    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL DEFAULT '',
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (template_id, channel_id, language)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE template_statuses;
DROP TABLE template_versions;
DROP TABLE templates;
