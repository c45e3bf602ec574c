package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/statistics"
	"carillon/store/sqldb"
	"carillon/webhooks"
)

// ImportBatch carries out one batch of an upload in one transaction: contacts,
// addresses, memberships, refused lines, counters and the position behind the
// batch. It is a Conflict if the upload is not running or does not stand where
// the batch begins, because another process has gone on with it. Where the account may have
// no more contacts, what is before that line is carried out, and it is a FullError.
func (s *Store) ImportBatch(ctx context.Context, b contacts.ImportBatch) error {
	var i importing
	err := s.inCopyTxAsync(ctx, func(tx conn) (err error) {
		if i, err = tx.importRows(ctx, b); err != nil {
			return err
		}
		if err := i.advance(ctx); err != nil || !i.withdraws() {
			return err
		}
		return tx.halt(ctx)
	})
	if err != nil {
		return err
	}
	return s.full(ctx, i)
}

// full says where a batch ended because the account has as many contacts as it may have, and
// what the upload has taken in by then; nil if it did not.
func (s *Store) full(ctx context.Context, i importing) error {
	line := i.matching.FullAt
	if line == 0 {
		return nil
	}
	u, err := s.GetUpload(ctx, i.batch.AccountID, i.batch.UploadID)
	if err != nil {
		return err
	}
	return contacts.FullError{Line: line, Room: i.room, Created: u.Created, Updated: u.Updated, DryRun: u.Options.DryRun}
}

// importRows is ImportBatch without what is the upload's own.
func (tx conn) importRows(ctx context.Context, b contacts.ImportBatch) (importing, error) {
	i := importing{conn: tx, store: tx.s, batch: b, now: tx.s.clock.Now().UnixMilli()}
	if err := tx.lockAccount(ctx, b.AccountID); err != nil {
		return i, err
	}
	known, err := i.known(ctx)
	if err != nil {
		return i, err
	}
	if i.room, err = tx.roomForContacts(ctx, b.AccountID); err != nil {
		return i, err
	}
	i.matching = contacts.NewMatching(b.Key, known, len(b.Rows))
	for r := range b.Rows {
		if !i.matching.TakeWithin(&b.Rows[r], i.room) {
			i.batch.End(r)
			break
		}
	}
	if err := i.write(ctx); err != nil {
		return i, err
	}
	return i, i.joinLists(ctx)
}

// withdraws reports whether somebody may have got a status that forbids writing to
// them.
func (i *importing) withdraws() bool {
	return slices.ContainsFunc(i.batch.Rows, func(row contacts.ImportRow) bool { return row.Status.Controlled(row.Control) != contacts.Active })
}

// importing is one batch in its transaction.
type importing struct {
	conn
	store    *Store
	batch    contacts.ImportBatch
	now      int64
	matching *contacts.Matching
	room     contacts.Room
}

// known reads every contact that has an external id or an address of the batch.
func (i *importing) known(ctx context.Context) ([]*contacts.Person, error) {
	found := map[int64]bool{}
	find := func(query string, value func(*contacts.ImportRow) string, args ...any) error {
		values := make([]string, 0, len(i.batch.Rows))
		for r := range i.batch.Rows {
			if v := value(&i.batch.Rows[r]); v != "" {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			return nil
		}
		slices.Sort(values) // so that an index is gone through page by page
		return sqldb.Each(ctx, i, func(scan sqldb.Scan) error {
			var id int64
			err := scan(&id)
			found[id] = true
			return err
		}, query, append([]any{i.d.TextList(values)}, args...)...)
	}
	sql := i.d.contacts()
	err := find(sql.findExternal, func(row *contacts.ImportRow) string { return row.ExternalID }, i.batch.AccountID)
	if err != nil {
		return nil, err
	}
	for k, kind := range value.Kinds() {
		err := find(sql.findAddress, func(row *contacts.ImportRow) string { return row.Addresses[k] }, i.batch.AccountID, string(kind))
		if err != nil {
			return nil, err
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	return i.load(ctx, slices.Sorted(maps.Keys(found)))
}

// load reads what is stored of the contacts.
func (i *importing) load(ctx context.Context, ids []int64) ([]*contacts.Person, error) {
	people := make([]contacts.Person, 0, len(ids))
	stored := make([]contacts.Profile, 0, len(ids))
	known := make([]*contacts.Person, 0, len(ids))
	// Scalar subqueries, because each is one look-up in an index whatever the
	// planner thinks of the tables' sizes.
	query := "SELECT c.id, COALESCE(c.external_id, ''), c.name, c.first_name, c.last_name, c.language, c.timezone, c.status"
	var args []any
	var kinds []int // those that the batch speaks of
	for k, kind := range value.Kinds() {
		if slices.ContainsFunc(i.batch.Rows, func(row contacts.ImportRow) bool { return row.Addresses[k] != "" }) {
			kinds = append(kinds, k)
			query += ", COALESCE((SELECT a.address FROM addresses a WHERE a.contact_id = c.id AND a.kind = ?), '')"
			args = append(args, string(kind))
		}
	}
	query += ", (SELECT COUNT(*) FROM members m WHERE m.list_id = ? AND m.contact_id = c.id) FROM contacts c WHERE c.id " + i.d.InIDs
	args = append(args, i.batch.UploadID, i.d.IDList(ids))
	err := sqldb.Each(ctx, i, func(scan sqldb.Scan) error {
		var p contacts.Person
		var member int
		to := []any{&p.ID, &p.ExternalID, &p.Name, &p.FirstName, &p.LastName, &p.Language, &p.Timezone, &p.Status}
		for _, k := range kinds {
			to = append(to, &p.Addresses[k])
		}
		if err := scan(append(to, &member)...); err != nil {
			return err
		}
		stored = append(stored, p.Profile)
		p.Member, p.Stored = member > 0, &stored[len(stored)-1]
		people = append(people, p)
		known = append(known, &people[len(people)-1])
		return nil
	}, query, args...)
	return known, err
}

// write writes contacts, addresses and memberships.
func (i *importing) write(ctx context.Context) error {
	m := i.matching
	ids, err := i.contactIDs(ctx, len(m.New))
	if err != nil {
		return err
	}
	fresh, err := i.defaults(ctx)
	if err != nil {
		return err
	}
	created := newColumns(8, len(m.New))
	for n, p := range m.New {
		p.ID = ids[n]
		created.addProfile(p, fresh.Attributes)
	}
	updated := newColumns(8, len(m.Joined)-len(m.New))
	renamed := newColumns(0, 0)
	moved := newColumns(1, 0)
	addresses := newColumns(2, 2*len(m.Joined))
	for _, p := range m.Joined {
		var stored contacts.Profile
		if p.Stored != nil {
			stored = *p.Stored
		}
		if p.Changed() {
			updated.addProfile(p, nil)
			if stored.ExternalID != "" && stored.ExternalID != p.ExternalID {
				renamed.add(p.ID)
			}
		}
		for k, kind := range value.Kinds() {
			if p.Addresses[k] == stored.Addresses[k] {
				continue
			}
			if stored.Addresses[k] != "" {
				moved.add(p.ID, string(kind))
			}
			addresses.add(p.ID, string(kind), p.Addresses[k])
		}
	}
	addresses.sortBy(2)
	// External ids and addresses are given up before others take them, which may
	// happen within one batch.
	if len(renamed.ids) > 0 {
		if _, err := i.Exec(ctx, "UPDATE contacts SET external_id = NULL WHERE id "+i.d.InIDs, i.d.IDList(renamed.ids)); err != nil {
			return err
		}
	}
	sql := i.d.contacts()
	if err := i.execRows(ctx, sql.deleteAddresses, moved); err != nil {
		return err
	}
	if err := i.insertRows(ctx, sql.insertContacts, created, i.batch.AccountID, i.now, i.now, fresh.Attributes.JSON(), timesJSON(fresh.Expiry),
		timesJSON(fresh.ChangedAt)); err != nil {
		return err
	}
	if err := i.keepPeople(ctx, i.batch.AccountID, statistics.ContactCreated, len(m.New)); err != nil {
		return err
	}
	if err := i.occurAll(ctx, i.batch.AccountID, webhooks.ContactCreated, func() []happening {
		all := make([]happening, len(m.New))
		for n, p := range m.New {
			all[n].data = webhooks.Contact{ID: p.ID, Source: "import"}
		}
		return all
	}); err != nil {
		return err
	}
	if err := i.execRows(ctx, sql.updateContacts, updated, i.now); err != nil {
		return err
	}
	if err := i.insertRows(ctx, sql.insertAddresses, addresses, i.batch.AccountID); err != nil {
		return err
	}
	if err := i.conn.suppressGiven(ctx, i.batch.AccountID, givenOf(addresses)); err != nil {
		return err
	}
	if err := i.giveAttributes(ctx); err != nil {
		return err
	}
	return i.list(ctx)
}

// giveAttributes writes the values that the batch gives to properties.
func (i *importing) giveAttributes(ctx context.Context) error {
	given := map[int64]contacts.Attributes{}
	var ids []int64
	for _, p := range i.matching.Joined {
		if len(p.Attributes) > 0 {
			given[p.ID] = p.Attributes
			ids = append(ids, p.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	set, err := i.propertySet(ctx, i.batch.AccountID)
	if err != nil {
		return err
	}
	slices.Sort(ids)
	people, err := i.attributed(ctx, "c.id "+i.d.InIDs, i.d.IDList(ids))
	if err != nil {
		return err
	}
	for n, a := range people {
		c := a.contact()
		c.Given = given[a.id]
		if err := c.Settle(set, time.UnixMilli(i.now), false); err != nil {
			return err
		}
		people[n].take(c)
	}
	return i.writeAttributes(ctx, people, i.now)
}

// givenOf are the rows of insertAddresses.
func givenOf(addresses *columns) []givenAddress {
	list := make([]givenAddress, len(addresses.ids))
	for n, id := range addresses.ids {
		list[n] = givenAddress{id, providers.AddressKind(addresses.texts[0][n]), addresses.texts[1][n]}
	}
	return list
}

// defaults are what every contact gets that the batch creates.
func (i *importing) defaults(ctx context.Context) (contacts.Contact, error) {
	var c contacts.Contact
	set, err := i.propertySet(ctx, i.batch.AccountID)
	if err != nil {
		return c, err
	}
	return c, c.Settle(set, time.UnixMilli(i.now), true)
}

func (c *columns) addProfile(p *contacts.Person, attributes contacts.Attributes) {
	c.add(p.ID, p.ExternalID, p.Name, p.FirstName, p.LastName, p.Language, p.Timezone, string(p.Status),
		contacts.Folded(p.Name, p.FirstName, p.LastName, attributes))
}

func (i *importing) execRows(ctx context.Context, statement string, rows *columns, before ...any) error {
	if len(rows.ids) == 0 {
		return nil
	}
	_, err := i.Exec(ctx, statement, i.d.rowArgs(rows, before...)...)
	return err
}

// list makes everybody in the batch a member of the upload's list.
func (i *importing) list(ctx context.Context) error {
	fresh, again := newColumns(1, len(i.matching.Joined)), newColumns(1, 0)
	for _, p := range i.matching.Joined {
		switch {
		case !p.Member:
			fresh.add(p.ID, p.Data)
		case p.Data != "":
			again.add(p.ID, p.Data)
		}
	}
	if err := i.insertRows(ctx, i.d.contacts().insertMembers, fresh, i.batch.UploadID); err != nil {
		return err
	}
	return i.execRows(ctx, i.d.contacts().mergeMembers, again, i.batch.UploadID)
}

// joinLists makes the batch's contacts members of the lists that their lines
// name, and of the upload's group.
func (i *importing) joinLists(ctx context.Context) error {
	joins := map[contacts.ListName]*columns{}
	join := func(list contacts.ListName, id int64) {
		if joins[list] == nil {
			joins[list] = newColumns(1, 0)
		}
		joins[list].add(id, "")
	}
	for _, p := range i.matching.Joined {
		for _, list := range p.Lists {
			join(list, p.ID)
		}
		if i.batch.Group != "" {
			join(contacts.ListName{Kind: contacts.Group, Name: i.batch.Group}, p.ID)
		}
	}
	for list, members := range joins {
		id, _, err := i.conn.ensureList(ctx, i.batch.AccountID, list)
		if err != nil {
			return err
		}
		if list.Kind == contacts.Category {
			if members, err = i.subscribe(ctx, id, members.ids); err != nil {
				return err
			}
		}
		fresh, err := i.joining(ctx, id, members.ids)
		if err != nil {
			return err
		}
		if err := i.execRows(ctx, i.d.contacts().joinMembers, members, id); err != nil {
			return err
		}
		if err := i.enterJoined(ctx, i.batch.AccountID, id, fresh); err != nil {
			return err
		}
	}
	return nil
}

// joining are those of the contacts who are not in a list yet, if somebody wants to know:
// a flow that is entered by coming into it.
func (i *importing) joining(ctx context.Context, listID int64, ids []int64) ([]int64, error) {
	wanted, err := i.triggered(ctx, i.batch.AccountID, byJoining, strconv.FormatInt(listID, 10))
	if err != nil || len(wanted) == 0 {
		return nil, err
	}
	return sqldb.IDs(ctx, i, "SELECT k.id FROM contacts k WHERE k.id "+
		i.d.InIDs+" AND NOT EXISTS (SELECT 1 FROM members m WHERE m.list_id = ? AND m.contact_id = k.id)",
		i.d.IDList(ids), listID)
}

// subscribe puts on record that contacts join a category, and returns who is to
// become a member: nobody who left it, because a file is no consent of theirs,
// and nobody who is in it.
func (i *importing) subscribe(ctx context.Context, categoryID int64, ids []int64) (*columns, error) {
	fresh := newColumns(1, len(ids))
	err := sqldb.Each(ctx, i, func(scan sqldb.Scan) error {
		var id int64
		err := scan(&id)
		fresh.add(id, "")
		return err
	}, "SELECT k.id FROM contacts k WHERE k.id "+i.d.InIDs+` AND NOT EXISTS (SELECT 1 FROM members m WHERE m.list_id = ? AND m.contact_id = k.id)
		AND COALESCE((SELECT o.action FROM consents o WHERE o.account_id = ? AND o.contact_id = k.id AND o.category_id = ?
		ORDER BY o.id DESC LIMIT 1), '') <> 'opt_out'`,
		i.d.IDList(ids), categoryID, i.batch.AccountID, categoryID)
	if err != nil {
		return nil, err
	}
	return fresh, i.execRows(ctx, i.d.contacts().insertConsents, fresh, i.batch.AccountID, categoryID, fmt.Sprintf("upload %d", i.batch.UploadID), i.now)
}

// tell is what the upload says of its faults and of its first people, those of the batch
// included.
func (i *importing) tell(ctx context.Context, matched []contacts.RefusedLine) (u contacts.Upload, err error) {
	var faults, preview []byte
	b := i.batch
	if err := i.Row(ctx, "SELECT faults, preview FROM uploads WHERE id = ?", b.UploadID).Scan(&faults, &preview); err != nil {
		return u, err
	}
	if err := errors.Join(json.Unmarshal(faults, &u.Faults), json.Unmarshal(preview, &u.Preview)); err != nil {
		return u, fmt.Errorf("read upload %d: %w", b.UploadID, err)
	}
	u.Faults = contacts.AddFaults(u.Faults, slices.Concat(b.Refused, matched), b.Columns)
	for _, p := range i.matching.Joined {
		if b.Preview && len(u.Preview) < contacts.PreviewPeople {
			u.Preview = append(u.Preview, p.Preview(b.Group))
		}
	}
	return u, nil
}

// advance writes the refused lines and moves the upload behind the batch.
func (i *importing) advance(ctx context.Context) error {
	b, m := i.batch, i.matching
	refused := newColumns(4, len(b.Refused))
	matched := m.Refused()
	told, err := i.tell(ctx, matched)
	if err != nil {
		return err
	}
	lines := map[int64]bool{} // false: refused, true: taken without something
	for _, line := range matched {
		if !line.Taken {
			lines[line.Line] = false
		}
	}
	for _, line := range slices.Concat(b.Refused, matched) {
		taken := "0"
		if line.Taken {
			if _, ok := lines[line.Line]; ok && !lines[line.Line] {
				continue // it was refused after all, for another reason
			}
			taken = "1"
		}
		lines[line.Line] = line.Taken
		refused.add(line.Line, line.Field, line.Value, line.Reason, taken)
	}
	incomplete := 0
	for _, taken := range lines {
		if taken {
			incomplete++
		}
	}
	refused.sortByID()
	if err := i.execRows(ctx, i.d.contacts().insertRefused, refused, b.UploadID); err != nil {
		return err
	}
	n, err := i.Exec(ctx, `UPDATE uploads SET records = ?, bytes_read = ?, row_count = row_count + ?, created = created + ?, updated = updated + ?,
		duplicates = duplicates + ?, refused = refused + ?, incomplete = incomplete + ?, faults = ?, preview = ?, touched_at = `+i.d.Now+`
		WHERE id = ? AND account_id = ? AND state = 'running' AND records = ?`,
		b.Records, b.BytesRead, b.Records-b.From, m.Created, m.Updated, m.Duplicates, len(lines)-incomplete, incomplete,
		mustJSON(told.Faults), mustJSON(told.Preview), b.UploadID, b.AccountID, b.From)
	if err == nil && n == 0 {
		return fault.New(fault.Conflict, "upload %d does not stand at record %d any more: another process has gone on with it", b.UploadID, b.From)
	}
	return err
}
