package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"carillon/access"
)

// Account is a tenant: nothing of one is ever seen from another.
type Account struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Default   bool      `json:"default" doc:"The installation's first account, which can't be deleted."`
	CreatedAt time.Time `json:"created_at"`
	// Limits are the operator's to set.
	Limits AccountLimits `json:"limits"`
	Used   AccountUse    `json:"used"`
	// The deletion, if it was closed for that.
	ClosedAt    *time.Time `json:"closed_at,omitempty" doc:"When it was closed, to be deleted: no key of it opens anything since; absent for one that is open."`
	ClosedBy    string     `json:"closed_by,omitempty" doc:"Who closed it."`
	DeletesAt   *time.Time `json:"deletes_at,omitempty" doc:"When it is deleted; until then it can be restored."`
	DeletingAt  *time.Time `json:"deleting_at,omitempty" doc:"When the deletion began, which can't be undone."`
	DeletedRows int64      `json:"deleted_rows,omitempty" doc:"How many rows are gone since."`
}

func (a Account) identity() int64 { return a.ID }

// AccountLimits are the limits of an account.
type AccountLimits struct {
	Contacts  *int64 `json:"contacts" doc:"The most contacts that it may have; null for any number."`
	PerDay    *int64 `json:"per_day" doc:"The most messages of all its channels in a moving 24 hours; null for any number."`
	PerSecond *int64 `json:"per_second" doc:"The most messages of all its channels in any sliding second; null for no limit."`
}

// AccountUse is how much of its limits an account uses.
type AccountUse struct {
	Contacts  int64 `json:"contacts" doc:"Contacts that it has, but for deleted ones."`
	SentToday int64 `json:"sent_today" doc:"Messages of the last 24 hours that workers took to send, as per_day counts them: every try, and a few minutes longer."`
}

// AccountLimitsChange is what to change of an account's limits; what is absent stays.
type AccountLimitsChange struct {
	Contacts  Optional[int64] `json:"contacts,omitzero" required:"false" minimum:"1" doc:"The most contacts that it may have; null for any number. Where there are more already they stay, and none comes."`
	PerDay    Optional[int64] `json:"per_day,omitzero" required:"false" minimum:"1" doc:"The most messages of all its channels in a moving 24 hours; null for any number. The rest waits."`
	PerSecond Optional[int64] `json:"per_second,omitzero" required:"false" minimum:"1" maximum:"100000" doc:"The most messages of all its channels in any sliding second, over all workers; null for no limit."`
}

func (c *AccountLimitsChange) into(limits *access.AccountLimits) {
	if c != nil {
		set(&limits.Contacts, c.Contacts.pointer())
		set(&limits.PerDay, c.PerDay.pointer())
		set(&limits.PerSecond, c.PerSecond.pointer())
	}
}

// NewAccount is an account that was just made, with its first key.
type NewAccount struct {
	Account
	KeyID  int64  `json:"key_id" doc:"The id of its first key, an admin's."`
	Secret string `json:"key" doc:"The key itself; it is not shown again."`
}

// audited leaves the key out.
func (a NewAccount) audited() any { return a.Account }

// AccountContents is how much there is in an account.
type AccountContents struct {
	Contacts  int64 `json:"contacts"`
	Messages  int64 `json:"messages"`
	Channels  int64 `json:"channels"`
	Campaigns int64 `json:"campaigns"`
	LiveRuns  int64 `json:"live_runs" doc:"Runs that are not finished."`
	Keys      int64 `json:"keys" doc:"Keys that work."`
}

// AccountDeletion is what the deletion of an account does, or would do.
type AccountDeletion struct {
	DryRun   bool            `json:"dry_run"`
	Account  Account         `json:"account"`
	Contents AccountContents `json:"contents" doc:"What is deleted with it."`
}

// AccountInput is what an account is made of.
type AccountInput struct {
	Name string `json:"name" minLength:"1" maxLength:"100" doc:"What it is known by; no other account has the name."`
}

// AccountChange is what to change of an account; what is absent stays.
type AccountChange struct {
	Name   *string              `json:"name,omitempty" minLength:"1" maxLength:"100" doc:"What it is known by."`
	Limits *AccountLimitsChange `json:"limits,omitempty" doc:"What it may have at most."`
}

// ByAccount names an account by its id or its name.
type ByAccount struct {
	Which string `path:"id" maxLength:"100" doc:"The account's id or its name."`
}

func (in ByAccount) target(noun string) string { return noun + " " + in.Which }

type createAccount struct{ Body AccountInput }

type changeAccount struct {
	ByAccount
	Body AccountChange
}

type deleteAccount struct {
	ByAccount
	DryRun    bool   `query:"dry_run" doc:"Change nothing; say what would be deleted."`
	Confirm   string `query:"confirm" maxLength:"100" doc:"The account's name, to show that it is this one that is meant; not needed with dry_run."`
	WaitHours int    `query:"wait_hours" minimum:"1" maximum:"8760" default:"168" doc:"For how long it is closed, and can be restored, before it is deleted."`
}

func (in deleteAccount) changesNothing() bool { return in.DryRun }

func accountView(a access.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, Default: a.Default, CreatedAt: a.CreatedAt, ClosedAt: timestamp(a.ClosedAt), ClosedBy: a.ClosedBy,
		Limits:    AccountLimits{Contacts: limit(a.Limits.Contacts), PerDay: limit(a.Limits.PerDay), PerSecond: limit(a.Limits.PerSecond)},
		Used:      AccountUse{Contacts: a.Contacts, SentToday: a.SentToday},
		DeletesAt: timestamp(a.DeletesAt), DeletingAt: timestamp(a.DeletingAt), DeletedRows: a.DeletedRows,
	}
}

// limit is nil for none.
func limit[T int64 | float64](most T) *T {
	if most == 0 {
		return nil
	}
	return &most
}

func accountOut(a access.Account, err error) (*one[Account], error) {
	if err != nil {
		return nil, err
	}
	return &one[Account]{accountView(a)}, nil
}

// account is the one that a request names. Digits are an id.
func (s *Server) account(ctx context.Context, in ByAccount) (access.Account, error) {
	if id, err := strconv.ParseInt(in.Which, 10, 64); err == nil {
		return s.Accounts.Get(ctx, id)
	}
	return s.Accounts.Find(ctx, in.Which)
}

func (s *Server) accountRoutes() {
	const path, tag = "/v1/accounts", "accounts"
	register(s, operation{id: "list-accounts", method: http.MethodGet, path: path, tag: tag, doc: "List the accounts of the installation",
		roles: mayWatch, operator: true},
		func(ctx context.Context, _ access.Caller, in *Paged) (*pageOut[Account], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Accounts.List(ctx, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, accountView, func(a access.Account) string { return idKey(a.ID) }), nil
		})
	register(s, operation{id: "create-account", method: http.MethodPost, path: path, tag: tag, doc: "Make an account with its first key",
		status: http.StatusCreated,
		roles:  mayWatch, operator: true, kept: withoutKey,
		more: "Everything in it is done with that key, an admin's, which is in this answer and nowhere else: a repeat with the same Idempotency-Key shows " +
			"all but the key."},
		func(ctx context.Context, _ access.Caller, in *createAccount) (*one[NewAccount], error) {
			account, key, made, err := s.Accounts.Create(ctx, in.Body.Name)
			if err != nil {
				return nil, err
			}
			return &one[NewAccount]{NewAccount{accountView(account), key.ID, made.Reveal()}}, nil
		})
	s.oneAccountRoutes(path, tag)
}

// oneAccountRoutes are those of one account.
func (s *Server) oneAccountRoutes(path, tag string) {
	path += "/{id}"
	register(s, operation{id: "get-account", method: http.MethodGet, path: path, tag: tag, doc: "Show an account", roles: mayWatch, operator: true},
		func(ctx context.Context, _ access.Caller, in *ByAccount) (*one[Account], error) {
			return accountOut(s.account(ctx, *in))
		})
	register(s, operation{id: "update-account", method: http.MethodPatch, path: path, tag: tag, doc: "Change an account", roles: mayWatch, operator: true},
		func(ctx context.Context, _ access.Caller, in *changeAccount) (*one[Account], error) {
			account, err := s.account(ctx, in.ByAccount)
			if err != nil {
				return nil, err
			}
			return accountOut(s.Accounts.Change(ctx, account.ID, func(a *access.Account) {
				set(&a.Name, in.Body.Name)
				in.Body.Limits.into(&a.Limits)
			}))
		})
	register(s, operation{id: "delete-account", method: http.MethodDelete, path: path, tag: tag, doc: "Delete an account with everything in it",
		roles: mayWatch, operator: true,
		more: "It is closed at once: no key of it opens anything, nothing of it is sent or planned; its recipients can still unsubscribe. " +
			"When the time is over all of it is deleted; until then it can be restored. dry_run says what there is in it."}, s.deleteAccount)
	register(s, operation{id: "restore-account", method: http.MethodPost, path: path + "/restore", tag: tag,
		doc:   "Open an account again that was closed to be deleted",
		roles: mayWatch, operator: true, more: "Its keys open again, and its channels go on but for those that were paused or stopped before."},
		func(ctx context.Context, _ access.Caller, in *ByAccount) (*one[Account], error) {
			account, err := s.account(ctx, *in)
			if err != nil {
				return nil, err
			}
			return accountOut(s.Accounts.Restore(ctx, account.ID))
		})
	register(s, operation{id: "own-account", method: http.MethodGet, path: "/v1/account", tag: tag, doc: "Show the account that the key is of", roles: mayWatch},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*one[Account], error) {
			return accountOut(s.Accounts.Get(ctx, caller.AccountID))
		})
}

func (s *Server) deleteAccount(ctx context.Context, caller access.Caller, in *deleteAccount) (*one[AccountDeletion], error) {
	account, err := s.account(ctx, in.ByAccount)
	if err != nil {
		return nil, err
	}
	n, err := s.Accounts.Contents(ctx, account.ID)
	if err == nil && !in.DryRun {
		account, err = s.Accounts.Close(ctx, access.Deletion{
			ID: account.ID, Confirm: in.Confirm, Wait: time.Duration(in.WaitHours) * time.Hour, By: caller.Actor(),
		})
	}
	if err != nil {
		return nil, err
	}
	return &one[AccountDeletion]{AccountDeletion{DryRun: in.DryRun, Account: accountView(account), Contents: AccountContents(n)}}, nil
}
