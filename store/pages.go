package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"carillon/access"
	"carillon/contacts"
	"carillon/messages"
	"carillon/providers"
)

// Visitor says whose page one is: how the account shows itself, and who holds the address.
func (s *Store) Visitor(ctx context.Context, accountID int64, kind providers.AddressKind, address string) (v messages.Visitor, err error) {
	c := s.reader()
	err = c.Row(ctx, "SELECT brand_name, brand_color FROM account_settings WHERE account_id = ?", accountID).Scan(&v.Brand.Name, &v.Brand.Color)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return v, s.translate(err)
	}
	err = c.Row(ctx, `SELECT c.id, c.language FROM addresses a JOIN contacts c ON c.id = a.contact_id AND c.status <> 'deleted'
		WHERE a.account_id = ? AND a.kind = ? AND a.address = ?`, accountID, string(kind), address).Scan(&v.ContactID, &v.Language)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return v, s.translate(err)
}

// ChooseLanguage writes the language that a contact chose on its own page.
func (s *Store) ChooseLanguage(ctx context.Context, accountID, contactID int64, language string) error {
	_, err := s.UpdateContact(ctx, accountID, contactID, func(c *contacts.Contact) error {
		c.Language = language
		return nil
	})
	if err != nil {
		return err
	}
	return s.AddAudit(ctx, access.AuditEntry{AccountID: accountID, Actor: "recipient", Action: "choose-language", Target: fmt.Sprintf("contact %d", contactID)})
}
