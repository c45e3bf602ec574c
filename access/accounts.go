package access

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

const (
	// maxAccountName is the longest name of an account, in characters.
	maxAccountName = 100
	// mostPerSecond is the highest rate, which is that of channels.
	mostPerSecond = 100_000
	// LeastWait is the shortest time for which an account is closed before it is deleted: enough
	// to notice a wrong name.
	LeastWait = time.Hour
	// UsualWait is that time if nobody says how long.
	UsualWait = 7 * 24 * time.Hour
	// MostWait is the longest.
	MostWait = 365 * 24 * time.Hour
	// FirstKeyName is the name of the key that a new account has.
	FirstKeyName = "first admin key"
)

// Account is a tenant: everything belongs to one.
type Account struct {
	ID        int64
	Name      string
	CreatedAt time.Time
	// ClosedAt is when it was closed, to be deleted at DeletesAt; nil while it is open.
	ClosedAt, DeletesAt *time.Time
	// ClosedBy names who closed it.
	ClosedBy string
	// DeletingAt is when its deletion began, and DeletedRows how many rows of it are gone since.
	DeletingAt  *time.Time
	DeletedRows int64
	Limits      AccountLimits
	// Contacts is how many it has, but for deleted ones.
	Contacts int64
	// SentToday is how many messages it has sent, as the limit of a day counts them.
	SentToday int64
	// Default is the installation's first account, which can't be deleted.
	Default bool
}

// AccountLimits bound an account; 0 is no limit.
type AccountLimits struct {
	// Contacts is the most that it may have.
	Contacts int64
	// PerDay is the most messages of all its channels in a moving day, PerSecond in any
	// sliding second.
	PerDay, PerSecond int64
}

// Contents is how much there is in an account.
type Contents struct {
	Contacts, Messages, Channels, Campaigns, LiveRuns, Keys int64
}

// Deletion is an order to delete an account.
type Deletion struct {
	ID int64
	// Confirm is the account's name, to show that it is this one that is meant.
	Confirm string
	// Wait is how long it is closed before; 0 is UsualWait.
	Wait time.Duration
	// By names who asks for it.
	By string
}

// AccountStore keeps accounts.
type AccountStore interface {
	// CreateAccount makes an account with its first key in one step. A name that is taken
	// is a Conflict.
	CreateAccount(ctx context.Context, name string, key secret.String) (Account, Key, error)
	// GetAccount is an account by its id, FindAccount by its name; NotFound if there is none.
	GetAccount(ctx context.Context, id int64) (Account, error)
	FindAccount(ctx context.Context, name string) (Account, error)
	// ListAccounts lists those behind the id after.
	ListAccounts(ctx context.Context, after int64, limit int) ([]Account, error)
	// ChangeAccount changes an account's name and limits. A name that is taken is a Conflict.
	ChangeAccount(ctx context.Context, id int64, change func(*Account) error) (Account, error)
	// AccountContents counts what there is in an account.
	AccountContents(ctx context.Context, id int64) (Contents, error)
	// CloseAccount closes an account at once, to be deleted later: no key of it opens anything
	// and nothing of it is sent. The default account, and one that is closed, is a Conflict.
	CloseAccount(ctx context.Context, d Deletion) (Account, error)
	// RestoreAccount undoes that. It is a Conflict for one that is open, and for one whose
	// deletion has begun.
	RestoreAccount(ctx context.Context, id int64) (Account, error)
}

// Accounts is the service for accounts. It is safe for concurrent use.
type Accounts struct{ store AccountStore }

// NewAccounts makes the service.
func NewAccounts(store AccountStore) *Accounts { return &Accounts{store: store} }

// Create makes an account. The key is its first, an admin's, and can't be had again.
func (s *Accounts) Create(ctx context.Context, name string) (Account, Key, secret.String, error) {
	name, err := checkAccountName(name)
	if err != nil {
		return Account{}, Key{}, secret.String{}, err
	}
	made := NewSecret()
	account, key, err := s.store.CreateAccount(ctx, name, made)
	return account, key, made, err
}

// checkAccountName refuses a name that could be taken for an id, or would not be read.
func checkAccountName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "" || utf8.RuneCountInString(name) > maxAccountName || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '/' }):
		return "", fault.InvalidField("name", name, "an account needs a name of 1 to %d characters, none of them a slash or a control character", maxAccountName)
	case strings.Trim(name, "0123456789") == "":
		return "", fault.InvalidField("name", name, "digits alone would be taken for an id: put a letter into the name")
	}
	return name, nil
}

// Get is an account by its id.
func (s *Accounts) Get(ctx context.Context, id int64) (Account, error) {
	return s.store.GetAccount(ctx, id)
}

// Find is an account by its name.
func (s *Accounts) Find(ctx context.Context, name string) (Account, error) {
	return s.store.FindAccount(ctx, name)
}

// List lists accounts behind the id after.
func (s *Accounts) List(ctx context.Context, after int64, limit int) ([]Account, error) {
	return s.store.ListAccounts(ctx, after, limit)
}

// Change changes an account's name and limits. A limit that is exceeded already keeps more from
// coming, and takes nothing away.
func (s *Accounts) Change(ctx context.Context, id int64, change func(*Account)) (Account, error) {
	return s.store.ChangeAccount(ctx, id, func(a *Account) (err error) {
		change(a)
		if a.Limits.Contacts < 0 {
			return fault.InvalidField("limits.contacts", a.Limits.Contacts, "must be a number of at least 1, or null for none")
		}
		if a.Limits.PerDay < 0 {
			return fault.InvalidField("limits.per_day", a.Limits.PerDay, "must be a number of at least 1, or null for none")
		}
		if a.Limits.PerSecond < 0 || a.Limits.PerSecond > mostPerSecond {
			return fault.InvalidField("limits.per_second", a.Limits.PerSecond, "must be a whole number from 1 to %d, or null for none", mostPerSecond)
		}
		a.Name, err = checkAccountName(a.Name)
		return err
	})
}

// Contents counts what there is in an account.
func (s *Accounts) Contents(ctx context.Context, id int64) (Contents, error) {
	return s.store.AccountContents(ctx, id)
}

// Close closes an account, to be deleted once the time is over.
func (s *Accounts) Close(ctx context.Context, d Deletion) (Account, error) {
	if d.Wait == 0 {
		d.Wait = UsualWait
	}
	if d.Wait < LeastWait || d.Wait > MostWait {
		return Account{}, fault.InvalidField("query.wait_hours", d.Wait.Hours(), "must be %d to %d hours", int(LeastWait.Hours()), int(MostWait.Hours()))
	}
	account, err := s.store.GetAccount(ctx, d.ID)
	if err != nil {
		return Account{}, err
	}
	if d.Confirm != account.Name {
		return Account{}, fault.InvalidField("query.confirm", d.Confirm,
			"write the account's name, %q, to confirm that it is to be deleted with everything in it", account.Name)
	}
	return s.store.CloseAccount(ctx, d)
}

// Restore opens an account again that was closed.
func (s *Accounts) Restore(ctx context.Context, id int64) (Account, error) {
	return s.store.RestoreAccount(ctx, id)
}

// Closed refuses whoever presents a key of an account that is closed, and says until when
// that can be undone.
func (a Account) Closed() error {
	if a.ClosedAt == nil {
		return nil
	}
	when := "is deleted"
	if a.DeletesAt != nil {
		when = "will be deleted at " + a.DeletesAt.UTC().Format("2006-01-02 15:04 UTC")
	}
	return fault.New(fault.Forbidden, "the account %q is closed and %s: until then an operator of this installation can bring it back "+
		"(carillon accounts restore %d)", a.Name, when, a.ID)
}
