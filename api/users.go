package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/api/gate"
	"carillon/internal/secret"
)

// User is a person who may sign in to the account.
type User struct {
	ID           int64      `json:"id"`
	Email        string     `json:"email"`
	Name         string     `json:"name"`
	Role         string     `json:"role" enum:"admin,editor,sender,viewer"`
	Approver     bool       `json:"approver" doc:"May approve what others proposed, whatever the role."`
	Barred       bool       `json:"barred,omitempty" doc:"Gets in nowhere here: the identity provider that knows the person gives no role any more. A role that is given lets the person in again."`
	HasTOTP      bool       `json:"has_totp" doc:"Has an authenticator app as a second factor."`
	Passkeys     int        `json:"passkeys" doc:"How many passkeys the person has; with any, or an app, a password alone opens nothing."`
	Since        time.Time  `json:"since" doc:"When the person came into the account."`
	LastSignInAt *time.Time `json:"last_sign_in_at,omitempty"`
}

func (u User) identity() int64 { return u.ID }

func userView(m access.Member) User {
	return User{
		ID: m.ID, Email: m.Email, Name: m.Name, Role: string(m.Role), Approver: m.Approver, Barred: m.Barred, HasTOTP: m.HasTOTP, Passkeys: m.Passkeys,
		Since: m.Since.UTC(), LastSignInAt: timestamp(m.LastSignInAt),
	}
}

func userOut(m access.Member, err error) (*one[User], error) {
	if err != nil {
		return nil, err
	}
	return &one[User]{userView(m)}, nil
}

// UserChange is what to change of what a person may do; what is absent stays.
type UserChange struct {
	Role     *string `json:"role,omitempty" enum:"admin,editor,sender,viewer"`
	Approver *bool   `json:"approver,omitempty"`
}

type changeUser struct {
	ByID
	Body UserChange
}

// UserExport is what is known of a person who may sign in to the account.
type UserExport struct {
	ExportedAt time.Time     `json:"exported_at"`
	User       User          `json:"user"`
	Sessions   []UserSession `json:"sessions" doc:"Their sign-ins that have not ended, with the addresses that they came from."`
	Did        []AuditEntry  `json:"did" doc:"What they did in the account, newest first: at most the 10,000 last entries of the trail."`
	Undergone  []AuditEntry  `json:"undergone" doc:"What was done to them, such as a new role: at most the 10,000 last entries."`
}

// mostExported bounds the entries of the trail in an export of a person.
const mostExported = 10_000

// exportUser is what is known of a person here. What the person is elsewhere is other accounts'.
func (s *Server) exportUser(ctx context.Context, caller access.Caller, in *ByID) (*one[UserExport], error) {
	m, err := s.People.Member(ctx, caller.AccountID, in.ID)
	if err != nil {
		return nil, err
	}
	list, err := s.People.SessionsIn(ctx, caller.AccountID, in.ID)
	sessions, err := userSessions(list, err, 0)
	if err != nil {
		return nil, err
	}
	x := UserExport{ExportedAt: s.Clock.Now().UTC(), User: userView(m), Sessions: sessions.Body.Items, Did: []AuditEntry{}, Undergone: []AuditEntry{}}
	person := access.Caller{ID: -m.ID, Name: m.Email}
	for query, to := range map[access.AuditQuery]*[]AuditEntry{
		{AccountID: caller.AccountID, Actor: person.Actor(), Limit: mostExported}:         &x.Did,
		{AccountID: caller.AccountID, Target: "user " + idKey(m.ID), Limit: mostExported}: &x.Undergone,
	} {
		entries, err := s.Trail.List(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			*to = append(*to, auditView(e))
		}
	}
	return &one[UserExport]{x}, nil
}

// Invitation lets somebody in who has its link.
type Invitation struct {
	ID        int64     `json:"id"`
	Email     string    `json:"email"`
	Role      string    `json:"role" enum:"admin,editor,sender,viewer"`
	Approver  bool      `json:"approver"`
	InvitedBy string    `json:"invited_by"`
	CreatedAt time.Time `json:"created_at"`
	EndsAt    time.Time `json:"ends_at"`
}

func (i Invitation) identity() int64 { return i.ID }

// NewInvitation is one that was just made.
type NewInvitation struct {
	Invitation
	OpensOnce
}

// audited leaves out what opens.
func (i NewInvitation) audited() any { return i.Invitation }

// OpensOnce is what lets one person do one thing.
type OpensOnce struct {
	Token string `json:"token" doc:"What opens; it is not shown again."`
	Link  string `json:"link,omitempty" doc:"The same as a link to hand on; absent where public_url is not set."`
}

// audited leaves out what opens.
func (OpensOnce) audited() any { return struct{}{} }

func opensOnce(token, link secret.String) OpensOnce {
	return OpensOnce{Token: token.Reveal(), Link: link.Reveal()}
}

// withoutOpening takes out of an answer what opens, before it is kept.
func withoutOpening(body []byte) []byte { return withoutField(withoutField(body, "token"), "link") }

func invitationView(i access.Invitation) Invitation {
	return Invitation{
		ID: i.ID, Email: i.Email, Role: string(i.Role), Approver: i.Approver, InvitedBy: i.InvitedBy, CreatedAt: i.CreatedAt.UTC(), EndsAt: i.EndsAt.UTC(),
	}
}

// InvitationInput is whom to invite.
type InvitationInput struct {
	Email    string `json:"email,omitempty" maxLength:"254" example:"ada@example.org" doc:"Absent for the first person of an account, an admin, who says it."`
	Role     string `json:"role" enum:"admin,editor,sender,viewer"`
	Approver bool   `json:"approver,omitempty" doc:"May approve what others proposed, whatever the role."`
}

type invite struct{ Body InvitationInput }

type resetUser struct {
	ByID
	Body *struct {
		WithoutTOTP bool `json:"without_totp,omitempty" doc:"The link takes the authenticator app and all passkeys away when it is used, for somebody who has lost the phone and the recovery codes."`
	}
}

// userRoutes are what admins do with people.
func (s *Server) userRoutes() {
	const path, tag = "/v1/users", "users"
	register(s, operation{id: "list-users", method: http.MethodGet, path: path, tag: tag, doc: "List the people of the account", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[User], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.People.Members(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, userView, func(m access.Member) string { return idKey(m.ID) }), nil
		})
	register(s, operation{id: "get-user", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a person", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[User], error) {
			return userOut(s.People.Member(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-user", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change what a person may do", roles: mayAdmin,
		more: "Binds at once, also for who is signed in."},
		func(ctx context.Context, caller access.Caller, in *changeUser) (*one[User], error) {
			m, err := s.People.Member(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			if in.Body.Role != nil {
				m.Role, m.Barred = access.Role(*in.Body.Role), false
			}
			set(&m.Approver, in.Body.Approver)
			return userOut(s.People.ChangeMember(ctx, m))
		})
	register(s, operation{id: "remove-user", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Take a person out of the account",
		status: http.StatusNoContent, roles: mayAdmin, more: "The person's sessions in it end at once."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.People.RemoveMember(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "export-user", method: http.MethodGet, path: path + "/{id}/export", tag: tag, doc: "What is known of a person",
		roles: mayAdmin, reads: readsAll, more: "For who asks what is kept of them. Taking a person out of the last account removes all of it but the trail."},
		s.exportUser)
	register(s, operation{id: "list-user-sessions", method: http.MethodGet, path: path + "/{id}/sessions", tag: tag, doc: "List a person's sessions",
		roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Page[UserSession]], error) {
			if _, err := s.People.Member(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			list, err := s.People.SessionsIn(ctx, caller.AccountID, in.ID)
			return userSessions(list, err, caller.SessionID)
		})
	register(s, operation{id: "end-user-sessions", method: http.MethodDelete, path: path + "/{id}/sessions", tag: tag, doc: "Sign a person out of the account",
		status: http.StatusNoContent, roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			if _, err := s.People.Member(ctx, caller.AccountID, in.ID); err != nil {
				return nil, err
			}
			return nil, s.People.SignOutOf(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "reset-user", method: http.MethodPost, path: path + "/{id}/reset", tag: tag, doc: "Make a link for a new password",
		status: http.StatusCreated, roles: mayAdmin, kept: withoutOpening,
		more: "To be handed to the person, who sets a new password with it within an hour. For somebody who is in other accounts, too, " +
			"an operator's key alone makes one."},
		func(ctx context.Context, caller access.Caller, in *resetUser) (*one[OpensOnce], error) {
			token, link, err := s.People.HelpIn(ctx, caller, in.ID, in.Body != nil && in.Body.WithoutTOTP)
			return &one[OpensOnce]{opensOnce(token, link)}, err
		})
	s.invitationRoutes()
}

func (s *Server) invitationRoutes() {
	const path, tag = "/v1/invitations", "invitations"
	register(s, operation{id: "list-invitations", method: http.MethodGet, path: path, tag: tag, doc: "List invitations that are open", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Invitation], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.People.Invitations(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, invitationView, func(i access.Invitation) string { return idKey(i.ID) }), nil
		})
	register(s, operation{id: "invite-user", method: http.MethodPost, path: path, tag: tag, doc: "Invite somebody into the account", status: http.StatusCreated,
		roles: mayAdmin, kept: withoutOpening,
		more: "The answer holds a link to hand on; whoever has it gets in, within seven days. " +
			"Another of the same address takes the place of the one before."},
		func(ctx context.Context, caller access.Caller, in *invite) (*one[NewInvitation], error) {
			made, token, link, err := s.People.Invite(ctx, access.Invitation{
				AccountID: caller.AccountID, Email: in.Body.Email, Role: access.Role(in.Body.Role), Approver: in.Body.Approver, InvitedBy: caller.Actor(),
			})
			return &one[NewInvitation]{NewInvitation{invitationView(made), opensOnce(token, link)}}, err
		})
	register(s, operation{id: "withdraw-invitation", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Take an invitation back",
		status: http.StatusNoContent, roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.People.Withdraw(ctx, caller.AccountID, in.ID)
		})
	s.openRoutes()
}

// Invited is what an invitation says to whoever has its link.
type Invited struct {
	Email     string    `json:"email" doc:"Empty for the first person of an account, who says it."`
	Role      string    `json:"role" enum:"admin,editor,sender,viewer"`
	InvitedBy string    `json:"invited_by"`
	EndsAt    time.Time `json:"ends_at"`
}

type byToken struct {
	Body struct {
		Token string `json:"token" minLength:"1" maxLength:"100"`
	}
}

type acceptInvitation struct {
	Browser
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"100"`
		Email    string `json:"email,omitempty" maxLength:"254" doc:"Yours, where the invitation names none: that of the first person."`
		Name     string `json:"name,omitempty" maxLength:"100" doc:"What you are called; not needed by who has signed in before."`
		Password string `json:"password,omitempty" maxLength:"800" doc:"A new one of at least 10 characters; who has signed in before gives the one that there is, or none while signed in."`
	}
}

type forgotten struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

type resetPassword struct {
	Body struct {
		Token    string `json:"token" minLength:"1" maxLength:"100"`
		Password string `json:"password" maxLength:"800" doc:"At least 10 characters, and none of the most common passwords."`
	}
}

// openRoutes are for people who are not signed in. What opens stands in bodies: addresses get
// into logs.
func (s *Server) openRoutes() {
	register(s, operation{id: "show-invitation", method: http.MethodPost, path: "/v1/invitation", tag: "session", doc: "What an invitation says", open: true},
		func(ctx context.Context, _ access.Caller, in *byToken) (*one[Invited], error) {
			i, err := s.People.Invited(ctx, secret.New(in.Body.Token))
			return &one[Invited]{Invited{Email: i.Email, Role: string(i.Role), InvitedBy: i.InvitedBy, EndsAt: i.EndsAt.UTC()}}, err
		})
	register(s, operation{id: "accept-invitation", method: http.MethodPost, path: "/v1/invitation/accept", tag: "session", doc: "Accept an invitation", open: true,
		more: "POST /v1/session signs in then."},
		func(ctx context.Context, _ access.Caller, in *acceptInvitation) (*one[User], error) {
			a := access.Accepting{
				Token: secret.New(in.Body.Token), Email: in.Body.Email, Name: in.Body.Name, Password: secret.New(in.Body.Password), From: gate.From(ctx),
			}
			if in.Session != "" {
				// Whoever is not signed in any more gives the password.
				a.Caller, _ = s.People.Visit(ctx, secret.New(in.Session))
			}
			return userOut(s.People.Accept(ctx, a))
		})
	register(s, operation{id: "forgot-password", method: http.MethodPost, path: "/v1/password/forgotten", tag: "session", doc: "Ask for a link for a new password",
		status: http.StatusAccepted, open: true,
		more: "It is mailed through the channel that an admin named for mails about the account (report_mail.channel of the settings). " +
			"The answer is the same for an address that nobody has."},
		func(ctx context.Context, _ access.Caller, in *forgotten) (*struct{}, error) {
			return nil, s.People.Forgotten(ctx, in.Body.Email, gate.Source(ctx))
		})
	register(s, operation{id: "reset-password", method: http.MethodPost, path: "/v1/password/reset", tag: "session", doc: "Set a new password by a link",
		status: http.StatusNoContent, open: true,
		more: "All sessions of the person end. A second factor and passkeys stay, unless the link was made to take them away."},
		func(ctx context.Context, _ access.Caller, in *resetPassword) (*struct{}, error) {
			return nil, s.People.Reset(ctx, secret.New(in.Body.Token), secret.New(in.Body.Password), gate.From(ctx))
		})
}
