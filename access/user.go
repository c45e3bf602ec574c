package access

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// User is a person who signs in. What a person may do stands in the memberships: one
// for each account.
type User struct {
	ID int64
	// Email is in lower case; no two users have the same.
	Email string
	Name  string
	// HasPassword and HasTOTP say what the person signs in with, and Passkeys how many there are.
	HasPassword, HasTOTP bool
	Passkeys             int
	// RecoveryLeft is how many recovery codes are left.
	RecoveryLeft int
	CreatedAt    time.Time
	LastSignInAt *time.Time
}

// Member is what a person may do in an account.
type Member struct {
	User
	AccountID   int64
	AccountName string
	Role        Role
	// Approver says that the person may approve what others proposed, whatever the role.
	Approver bool
	// Barred says that the identity provider that knows the person gives no role any more:
	// nothing opens the account, whatever the role says.
	Barred bool
	Since  time.Time
}

// Proofs are what a person proves to be one by. They never leave the store but to be
// compared.
type Proofs struct {
	User
	// Password is the hash; empty for none.
	Password secret.String
	// TOTP is the secret that codes are made of; empty for no authenticator app.
	TOTP secret.String
}

// SecondFactor reports whether a password alone opens nothing.
func (u User) SecondFactor() bool { return u.HasTOTP || u.Passkeys > 0 }

// factors says what a person may sign in with besides the password.
func (u User) factors() string {
	var has []string
	if u.HasTOTP {
		has = append(has, "a code of the authenticator app")
	}
	if u.Passkeys > 0 {
		has = append(has, "a passkey")
	}
	return strings.Join(append(has, "a recovery code"), ", or ")
}

// Session is a sign-in that has not ended.
type Session struct {
	ID, UserID int64
	// AccountID is the account that the person is in.
	AccountID int64
	CreatedAt time.Time
	// SeenAt is at most a minute behind.
	SeenAt time.Time
	// EndsAt is when it ends however much it is used.
	EndsAt time.Time
	// Source and Agent are the address and the browser that it was made from.
	Source, Agent string
	// Through is the identity provider that said who it is; 0 for none.
	Through int64
	// Methods are how the person proved to be one, such as password and totp.
	Methods []string
}

// Invitation lets somebody in who has its link.
type Invitation struct {
	ID, AccountID int64
	// Email is whom it is for; empty for the first person of an account, who says it.
	Email    string
	Role     Role
	Approver bool
	// InvitedBy is who sent it, as in the audit trail.
	InvitedBy         string
	CreatedAt, EndsAt time.Time
}

// The bounds of people.
const (
	// MostMembers is how many people and open invitations an account has at most.
	MostMembers = 1000
	// MostSessions is how many sessions of a person there are; one more ends the oldest.
	MostSessions = 50
	maxEmail     = 254 // RFC 5321, 4.5.3.1.3
	maxUserName  = 100
)

// NormalEmail is the address by which a person is known, or Invalid.
func NormalEmail(field, given string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(given))
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > maxEmail || !strings.Contains(email, ".") {
		return "", fault.InvalidField(field, given, "is no e-mail address such as ada@example.org")
	}
	return email, nil
}

// CheckUserName refuses a name that could not be shown.
func CheckUserName(name string) error {
	if name == "" || utf8.RuneCountInString(name) > maxUserName || strings.ContainsFunc(name, unicode.IsControl) {
		return fault.InvalidField("name", name, "must have 1 to %d characters, none of them a control character", maxUserName)
	}
	return nil
}

// Check refuses an invitation that can't be meant, and puts its address into its normal form.
func (i *Invitation) Check() (err error) {
	if err := i.Role.Validate(); err != nil {
		return err
	}
	if i.Email == "" {
		if i.Role != Admin {
			return fault.InvalidField("role", string(i.Role), "must be admin without an e-mail address: it is for the first person of the account")
		}
		return nil
	}
	i.Email, err = NormalEmail("email", i.Email)
	return err
}
