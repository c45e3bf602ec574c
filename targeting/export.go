package targeting

import (
	"context"
	"strconv"
	"strings"
	"time"

	"carillon/contacts"
	"carillon/contacts/property"
	"carillon/contacts/value"
	"carillon/providers"
)

// ExportStore reads what an export is made of.
type ExportStore interface {
	// AudienceContacts are an audience's contacts behind the id after, in the order of
	// their ids. It is Invalid if its rule can't be read, and a Conflict if that of a
	// targeting list can't.
	AudienceContacts(ctx context.Context, accountID int64, a Audience, after int64, limit int) ([]contacts.Contact, error)
	// MembershipNames are the groups, labels and categories of contacts by their
	// ids.
	MembershipNames(ctx context.Context, accountID int64, contactIDs []int64) (map[int64][]contacts.ListName, error)
	// UsedAddressKinds are the kinds of address that an account's contacts have.
	UsedAddressKinds(ctx context.Context, accountID int64) (map[providers.AddressKind]bool, error)
	// ListProperties are all of an account in the order of position and key.
	ListProperties(ctx context.Context, accountID int64) ([]property.Property, error)
}

// Exporter writes contacts in the form in which an upload takes them. It is safe
// for concurrent use.
type Exporter struct{ store ExportStore }

// NewExporter makes an exporter.
func NewExporter(store ExportStore) *Exporter { return &Exporter{store: store} }

// exportedAtOnce is how many contacts are read at a time: memory does not grow
// with the audience.
const exportedAtOnce = 1000

// Export is one export that has begun.
type Export struct {
	// Header names the columns; an upload knows each by its name.
	Header []string

	store      ExportStore
	accountID  int64
	audience   Audience
	kinds      []providers.AddressKind
	properties []property.Property
}

// Begin checks the audience and finds the columns.
func (e *Exporter) Begin(ctx context.Context, accountID int64, a Audience) (*Export, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	x := &Export{store: e.store, accountID: accountID, audience: a, Header: []string{"external_id"}}
	used, err := e.store.UsedAddressKinds(ctx, accountID)
	if err != nil {
		return nil, err
	}
	for _, kind := range value.Kinds() {
		if used[kind] {
			x.kinds = append(x.kinds, kind)
			x.Header = append(x.Header, string(kind))
		}
	}
	x.Header = append(x.Header, "name", "first_name", "last_name", "language", "timezone", "status", "groups", "labels", "categories")
	if x.properties, err = e.store.ListProperties(ctx, accountID); err != nil {
		return nil, err
	}
	for _, p := range x.properties {
		x.Header = append(x.Header, contacts.AttributePrefix+p.Key)
	}
	x.Header = append(x.Header, "contact_id", "created_at")
	return x, nil
}

// Write calls write with the cells of each contact. It reads a page at a time;
// contacts that change meanwhile are as they are when their page is read.
func (x *Export) Write(ctx context.Context, write func(cells ...string) error) error {
	var after int64
	for {
		page, err := x.store.AudienceContacts(ctx, x.accountID, x.audience, after, exportedAtOnce)
		if err != nil || len(page) == 0 {
			return err
		}
		ids := make([]int64, len(page))
		for i, c := range page {
			ids[i] = c.ID
		}
		lists, err := x.store.MembershipNames(ctx, x.accountID, ids)
		if err != nil {
			return err
		}
		for _, c := range page {
			if err := write(x.cells(c, lists[c.ID])...); err != nil {
				return err
			}
		}
		after = ids[len(ids)-1]
	}
}

func (x *Export) cells(c contacts.Contact, lists []contacts.ListName) []string {
	cells := append(make([]string, 0, len(x.Header)), c.ExternalID)
	for _, kind := range x.kinds {
		cells = append(cells, c.Addresses[kind])
	}
	cells = append(cells, c.Name, c.FirstName, c.LastName, c.Language, c.Timezone, string(c.Status))
	for _, kind := range []contacts.ListKind{contacts.Group, contacts.Label, contacts.Category} {
		var names []string
		for _, l := range lists {
			if l.Kind == kind {
				names = append(names, l.Name)
			}
		}
		cells = append(cells, strings.Join(names, "|"))
	}
	for _, p := range x.properties {
		text, _ := property.Plain(c.Attributes[p.Key]) // no value is no text
		cells = append(cells, text)
	}
	return append(cells, strconv.FormatInt(c.ID, 10), c.CreatedAt.UTC().Format(time.RFC3339))
}
