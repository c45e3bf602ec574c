-- +goose Up
SET LOCAL lock_timeout = '2s';
-- How many contacts an account may have at most, NULL for any number.
ALTER TABLE accounts ADD COLUMN most_contacts BIGINT;

-- How many contacts accounts have, but for deleted ones: counted in the transactions that make
-- and delete them, because counting millions takes seconds. It is no column of accounts, whose
-- rows are locked by whoever changes contacts.
CREATE TABLE account_contacts (
    account_id BIGINT NOT NULL PRIMARY KEY,
    contacts   BIGINT NOT NULL
) WITH (fillfactor = 50);

-- A statement that makes or deletes many is counted once.
-- +goose StatementBegin
CREATE FUNCTION contacts_made() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO account_contacts AS a SELECT account_id, COUNT(*) FROM made WHERE status <> 'deleted' GROUP BY account_id ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET contacts = a.contacts + excluded.contacts;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contacts_made AFTER INSERT ON contacts REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION contacts_made();
-- +goose StatementBegin
CREATE FUNCTION contacts_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO account_contacts AS a SELECT account_id, -COUNT(*) FROM gone WHERE status <> 'deleted' GROUP BY account_id ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE SET contacts = a.contacts + excluded.contacts;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contacts_gone AFTER DELETE ON contacts REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION contacts_gone();
-- +goose StatementBegin
CREATE FUNCTION contacts_turned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO account_contacts AS a VALUES (NEW.account_id, CASE NEW.status WHEN 'deleted' THEN -1 ELSE 1 END)
    ON CONFLICT (account_id) DO UPDATE SET contacts = a.contacts + excluded.contacts;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contacts_turned AFTER UPDATE OF status ON contacts FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND (NEW.status = 'deleted' OR OLD.status = 'deleted')) EXECUTE FUNCTION contacts_turned();
-- The triggers keep out who makes contacts until it is committed, so that none is missed.
INSERT INTO account_contacts SELECT account_id, COUNT(*) FROM contacts WHERE status <> 'deleted' GROUP BY account_id;

-- +goose Down
SET LOCAL lock_timeout = '2s';
DROP TRIGGER contacts_turned ON contacts;
DROP FUNCTION contacts_turned;
DROP TRIGGER contacts_gone ON contacts;
DROP FUNCTION contacts_gone;
DROP TRIGGER contacts_made ON contacts;
DROP FUNCTION contacts_made;
DROP TABLE account_contacts;
ALTER TABLE accounts DROP COLUMN most_contacts;
