-- +goose Up
-- Calendars of days off, which schedules exclude. days is a JSON array of objects with
-- date and name, in order; size is how many, and first_day and last_day are its ends.
CREATE TABLE holiday_calendars (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    days       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    first_day  TEXT NOT NULL,
    last_day   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX holiday_calendars_name ON holiday_calendars (account_id, name);

-- +goose Down
DROP TABLE holiday_calendars;
