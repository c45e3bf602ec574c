-- +goose Up
-- How many contacts an account may have at most, NULL for any number.
ALTER TABLE accounts ADD COLUMN most_contacts INTEGER;

-- How many contacts accounts have, but for deleted ones: counted in the transactions that make
-- and delete them, because counting millions takes seconds. It is no column of accounts, whose
-- rows are locked by whoever changes contacts.
CREATE TABLE account_contacts (
    account_id INTEGER NOT NULL PRIMARY KEY,
    contacts   INTEGER NOT NULL
);
INSERT INTO account_contacts SELECT account_id, COUNT(*) FROM contacts WHERE status <> 'deleted' GROUP BY account_id;

-- +goose StatementBegin
CREATE TRIGGER contacts_made AFTER INSERT ON contacts WHEN NEW.status <> 'deleted' BEGIN
    INSERT INTO account_contacts VALUES (NEW.account_id, 1) ON CONFLICT (account_id) DO UPDATE SET contacts = contacts + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER contacts_gone AFTER DELETE ON contacts WHEN OLD.status <> 'deleted' BEGIN
    UPDATE account_contacts SET contacts = contacts - 1 WHERE account_id = OLD.account_id;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER contacts_turned AFTER UPDATE OF status ON contacts
    WHEN NEW.status <> OLD.status AND (NEW.status = 'deleted' OR OLD.status = 'deleted') BEGIN
    INSERT INTO account_contacts VALUES (NEW.account_id, CASE NEW.status WHEN 'deleted' THEN -1 ELSE 1 END)
        ON CONFLICT (account_id) DO UPDATE SET contacts = contacts + excluded.contacts;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER contacts_turned;
DROP TRIGGER contacts_gone;
DROP TRIGGER contacts_made;
DROP TABLE account_contacts;
ALTER TABLE accounts DROP COLUMN most_contacts;
