package access

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"carillon/internal/fault"
	"carillon/internal/secret"
)

// Passkey is a key of a person's that a device or a service keeps: it proves both that the person
// has it and, by a fingerprint or a PIN, that it is the person.
type Passkey struct {
	ID, UserID int64
	Name       string
	// Credential is what its keeper calls it, Key the public key (COSE), and Transports are how
	// the keeper is reached.
	Credential, Key []byte
	Transports      []string
	// Flags are those of its last use (WebAuthn Level 3, 6.1), and Count its counter then: 0 where
	// it counts nothing.
	Flags     byte
	Count     uint32
	CreatedAt time.Time
	// UsedAt is when it was last used, and Source the address then; nil and empty for never.
	UsedAt *time.Time
	Source string
}

// Synced reports whether a service keeps it for several devices.
func (k Passkey) Synced() bool { return protocol.AuthenticatorFlags(k.Flags).HasBackupState() }

// Challenge is something random for a passkey to sign: soon, and once.
type Challenge struct {
	// Token is what whoever began has of it, and Value what is signed.
	Token secret.String
	Value string
	// UserID is who registers a passkey; where it is 0 somebody signs in, from the network Source.
	UserID int64
	Source string
	EndsAt time.Time
}

// PasskeyRequest is what a browser is to ask for.
type PasskeyRequest struct {
	// Token comes back with what the browser answers.
	Token secret.String
	// Options are those of navigator.credentials, in the form of JSON (WebAuthn Level 3, 5.1.8, 5.1.9).
	Options []byte
}

// PasskeyAnswer is what a browser answers.
type PasskeyAnswer struct {
	Token secret.String
	// Credential is what navigator.credentials gave, as JSON; empty for nothing.
	Credential []byte
}

// The bounds of passkeys.
const (
	// MostPasskeys is how many a person has at most.
	MostPasskeys = 20
	// ChallengeLasts is how long a person may take to answer one.
	ChallengeLasts = 5 * time.Minute
	// MostChallenges are open at most, and MostChallengesEach of one person or network: of more
	// the oldest end.
	MostChallenges     = 10_000
	MostChallengesEach = 500
	// handleBytes are those by which passkeys know a person.
	handleBytes = 32
	// maxCredential is the longest that a keeper may call one (WebAuthn Level 3, 5.8.5), and
	// maxPasskeyKey more than any key of the kinds that are asked for.
	maxCredential, maxPasskeyKey = 1023, 2048
)

// relyingParty is what this server is to passkeys. They hang on its name: none is given to another.
func (p *People) relyingParty() (*webauthn.WebAuthn, error) {
	refuse := func(what string) error {
		return fault.InvalidField("public_url", nil, "%s, and passkeys hang on the name of a server: whoever runs this one sets CARILLON_PUBLIC_URL, "+
			"or CARILLON_CONSOLE_URL, to its address with a name, such as https://carillon.example.org, or http://localhost:8080 to try it", what)
	}
	at, err := url.Parse(p.Address)
	if err != nil || at.Host == "" {
		return nil, refuse("is not set")
	}
	name := strings.ToLower(at.Hostname())
	if _, err := netip.ParseAddr(name); err == nil {
		return nil, refuse("is an IP address")
	}
	// Browsers count what is on this machine as safe, and nothing else without TLS.
	if at.Scheme != "https" && name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		return nil, refuse("is not https")
	}
	discoverable, within := true, webauthn.TimeoutConfig{Timeout: ChallengeLasts}
	rp, err := webauthn.New(&webauthn.Config{
		RPID: name, RPDisplayName: issuer, RPOrigins: []string{at.Scheme + "://" + at.Host}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &discoverable, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: within, Registration: within},
		// Nothing is asked for besides, and what some keepers tell all the same is not looked at.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, refuse("has a name that browsers keep no passkeys for")
	}
	return rp, nil
}

// keyholder is a person as the library wants one.
type keyholder struct {
	User
	handle []byte
	keys   []Passkey
}

// WebAuthnID is what passkeys know the person by: neither the address nor a number.
func (h keyholder) WebAuthnID() []byte { return h.handle }

// WebAuthnName is what a keeper shows the person, to choose by.
func (h keyholder) WebAuthnName() string { return h.Email }

// WebAuthnDisplayName is what the person is called.
func (h keyholder) WebAuthnDisplayName() string { return h.Name }

// WebAuthnCredentials are the person's passkeys.
func (h keyholder) WebAuthnCredentials() []webauthn.Credential {
	list := make([]webauthn.Credential, len(h.keys))
	for i, k := range h.keys {
		list[i] = webauthn.Credential{
			ID: k.Credential, PublicKey: k.Key, Flags: webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
			Authenticator: webauthn.Authenticator{SignCount: k.Count},
		}
		for _, t := range k.Transports {
			list[i].Transport = append(list[i].Transport, protocol.AuthenticatorTransport(t))
		}
	}
	return list
}

// holder is a person with the passkeys that there are.
func (p *People) holder(ctx context.Context, who User) (h keyholder, err error) {
	fresh := make([]byte, handleBytes)
	_, _ = rand.Read(fresh) // never fails (crypto/rand)
	h.User = who
	if h.handle, err = p.Store.HandleOf(ctx, who.ID, fresh); err == nil {
		h.keys, err = p.Store.Passkeys(ctx, who.ID)
	}
	return h, err
}

// request keeps a challenge, and makes of it what a browser is to ask for.
func (p *People) request(ctx context.Context, c Challenge, options any) (PasskeyRequest, error) {
	encoded, err := json.Marshal(options)
	if err != nil {
		return PasskeyRequest{}, fault.Wrap(fault.Internal, "write what a browser is to ask for", err)
	}
	c.Token, c.EndsAt = newToken(), p.Clock.Now().Add(ChallengeLasts)
	return PasskeyRequest{Token: c.Token, Options: encoded}, p.Store.AddChallenge(ctx, c)
}

// began is what the library knew when a challenge was made.
func began(c Challenge, handle []byte) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge: c.Value, UserID: handle, UserVerification: protocol.VerificationRequired, CredParams: webauthn.CredentialParametersRecommendedL3(),
	}
}

// Passkeys are a person's, the oldest first.
func (p *People) Passkeys(ctx context.Context, userID int64) ([]Passkey, error) {
	return p.Store.Passkeys(ctx, userID)
}

// BeginPasskey begins a passkey, for the person's password or another passkey. Nothing changes until AddPasskey has
// what the browser answers.
func (p *People) BeginPasskey(ctx context.Context, caller Caller, by Proof) (PasskeyRequest, error) {
	rp, err := p.relyingParty()
	if err != nil {
		return PasskeyRequest{}, err
	}
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return PasskeyRequest{}, err
	}
	if err := p.confirmFresh(ctx, who, by); err != nil {
		return PasskeyRequest{}, err
	}
	h, err := p.holder(ctx, who.User)
	if err != nil {
		return PasskeyRequest{}, err
	}
	if len(h.keys) >= MostPasskeys {
		return PasskeyRequest{}, TooManyPasskeys()
	}
	creation, session, err := rp.BeginRegistration(h, webauthn.WithCredentialParameters(webauthn.CredentialParametersRecommendedL3()),
		webauthn.WithExclusions(webauthn.Credentials(h.WebAuthnCredentials()).CredentialDescriptors()))
	if err != nil {
		return PasskeyRequest{}, fault.Wrap(fault.Internal, "begin a passkey", err)
	}
	return p.request(ctx, Challenge{Value: session.Challenge, UserID: who.ID}, creation.Response)
}

// TooManyPasskeys is the Conflict of one more than MostPasskeys.
func TooManyPasskeys() error {
	return fault.New(fault.Conflict, "there are %d passkeys, the most that there can be: take one away that is not needed", MostPasskeys)
}

// AddPasskey takes a passkey that was begun. It returns recovery codes, which are shown once, where
// there were none. All other sessions end.
func (p *People) AddPasskey(ctx context.Context, caller Caller, name string, a PasskeyAnswer) (k Passkey, codes []secret.String, err error) {
	if err := CheckUserName(name); err != nil {
		return k, nil, err
	}
	rp, err := p.relyingParty()
	if err != nil {
		return k, nil, err
	}
	c, err := p.Store.TakeChallenge(ctx, a.Token, caller.UserID())
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Conflict, "the passkey was not begun, was taken, or took longer than %s: begin again", ChallengeLasts)
	}
	if err != nil {
		return k, nil, err
	}
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return k, nil, err
	}
	h, err := p.holder(ctx, who.User)
	if err != nil {
		return k, nil, err
	}
	if k, err = p.made(rp, began(c, h.handle), h, a.Credential); err != nil {
		return k, nil, err
	}
	k.UserID, k.Name = who.ID, name
	codes, kept := recovery()
	k, first, err := p.Store.AddPasskey(ctx, k, kept, caller.SessionID)
	if !first {
		codes = nil
	}
	return k, codes, err
}

// made is the passkey that a browser has made.
func (p *People) made(rp *webauthn.WebAuthn, begun webauthn.SessionData, h keyholder, credential []byte) (k Passkey, err error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(credential)
	var made *webauthn.Credential
	if err == nil {
		made, err = rp.CreateCredential(h, begun, parsed)
	}
	if err == nil && (len(made.ID) > maxCredential || len(made.PublicKey) > maxPasskeyKey) {
		err = errors.New("it is too long")
	}
	if err != nil {
		return k, fault.InvalidField("credential", nil, "is no passkey that was made at %s, by a person who was verified (%s): begin again", p.Address, said(err))
	}
	k = Passkey{
		Credential: made.ID, Key: made.PublicKey, Flags: byte(made.Flags.ProtocolValue()), Count: made.Authenticator.SignCount,
	}
	for _, t := range made.Transport {
		k.Transports = append(k.Transports, string(t))
	}
	return k, nil
}

// said is what the library says of what is wrong, without what was given.
func said(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) && e.Details != "" {
		return strings.ToLower(e.Details[:1]) + e.Details[1:]
	}
	return "it can't be read"
}

// RenamePasskey changes what a person's own passkey is called.
func (p *People) RenamePasskey(ctx context.Context, userID, id int64, name string) error {
	if err := CheckUserName(name); err != nil {
		return err
	}
	return p.Store.RenamePasskey(ctx, userID, id, name)
}

// DropPasskey takes a person's own passkey away, for the password or a passkey. All other sessions end.
func (p *People) DropPasskey(ctx context.Context, caller Caller, id int64, by Proof) error {
	who, err := p.Store.ProofsOf(ctx, caller.UserID())
	if err != nil {
		return err
	}
	if err := p.confirmFresh(ctx, who, by); err != nil {
		return err
	}
	return p.Store.RemovePasskey(ctx, who.ID, id, caller.SessionID)
}
