package messages

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"carillon/contacts"
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
)

// Unsubscriber is whom an unsubscribe link stands for: the recipient of a
// message, or an address.
type Unsubscriber struct {
	AccountID int64
	// MessageID names the message; 0 where Kind and Address say it all.
	MessageID int64
	// RunID is the run of the message; 0 where it has none, or is not known.
	RunID   int64
	Kind    providers.AddressKind
	Address string
}

// change is what its recipient does about the address, without saying what.
func (u Unsubscriber) change(source string) contacts.ConsentChange {
	c := contacts.ConsentChange{AccountID: u.AccountID, Kind: u.Kind, Address: u.Address, RunID: u.RunID, Source: source, Actor: "recipient"}
	if u.MessageID != 0 {
		c.Proof = fmt.Sprintf("the link of message %d", u.MessageID)
	}
	return c
}

// Tokens makes and reads the tokens in unsubscribe links. A token is signed,
// not encrypted: it holds ids, and an address only where no message is known.
type Tokens struct {
	hosts  *Hosts
	signer *secret.Signer
}

// NewTokens derives the signing keys from the master keys: those that are not in use any
// more still read the tokens that they signed. Where recipients reach the server nowhere there
// are no links.
func NewTokens(keys *secret.Ring, hosts *Hosts) Tokens {
	return Tokens{hosts: hosts, signer: keys.Signer("carillon unsubscribe")}
}

// Forms of a token's payload, and the length of its signature: 128 bits.
const (
	tokenOfMessage = 1
	tokenOfAddress = 2
	tokenOfView    = 3
	tokenOfClick   = 4
	tokenOfOpen    = 5
	signatureBytes = secret.SumBytes
)

var tokenEncoding = base64.RawURLEncoding

// Make is the token for a recipient.
func (t Tokens) Make(u Unsubscriber) string {
	payload := make([]byte, 0, 32+len(u.Address))
	if u.MessageID != 0 {
		payload = append(payload, tokenOfMessage)
		payload = binary.AppendUvarint(payload, uint64(u.AccountID))
		payload = binary.AppendUvarint(payload, uint64(u.MessageID))
	} else {
		payload = append(payload, tokenOfAddress)
		payload = binary.AppendUvarint(payload, uint64(u.AccountID))
		payload = append(payload, string(u.Kind)+"\x00"+u.Address...)
	}
	return tokenEncoding.EncodeToString(t.sign(payload))
}

// URL is the link for a recipient; empty where no public address is configured.
func (t Tokens) URL(u Unsubscriber) string {
	base := t.Base(u.AccountID)
	if base == "" {
		return ""
	}
	return base + "/u/" + t.Make(u)
}

// Parse reads a token. A token that was not made here is not found.
func (t Tokens) Parse(token string) (Unsubscriber, error) {
	payload, err := t.open(token)
	if err != nil {
		return Unsubscriber{}, err
	}
	unknown := errUnknownLink()
	account, n := binary.Uvarint(payload[1:])
	if n <= 0 {
		return Unsubscriber{}, unknown
	}
	u, rest := Unsubscriber{AccountID: int64(account)}, payload[1+n:]
	switch payload[0] {
	case tokenOfMessage:
		id, n := binary.Uvarint(rest)
		if n != len(rest) {
			return Unsubscriber{}, unknown
		}
		u.MessageID = int64(id)
	case tokenOfAddress:
		kind, address, ok := strings.Cut(string(rest), "\x00")
		if !ok {
			return Unsubscriber{}, unknown
		}
		u.Kind, u.Address = providers.AddressKind(kind), address
	default:
		return Unsubscriber{}, unknown
	}
	return u, nil
}

// open is the payload of a token that was signed here, of three bytes at least; any other
// is NotFound.
func (t Tokens) open(token string) ([]byte, error) {
	raw, err := tokenEncoding.DecodeString(token)
	if err != nil || len(raw) < signatureBytes+3 {
		return nil, errUnknownLink()
	}
	payload := raw[:len(raw)-signatureBytes]
	if !t.signer.Valid(payload, raw[len(payload):]) {
		return nil, errUnknownLink()
	}
	return payload, nil
}

// sign appends the signature to a payload.
func (t Tokens) sign(payload []byte) []byte { return t.signer.Append(payload) }

// Unsubscriber reads the token of an unsubscribe link and finds the address
// behind it.
func (s *Service) Unsubscriber(ctx context.Context, token string) (Unsubscriber, error) {
	u, err := s.tokens.Parse(token)
	if err != nil || u.MessageID == 0 {
		return u, err
	}
	m, err := s.store.GetMessage(ctx, u.AccountID, u.MessageID)
	if err != nil {
		return Unsubscriber{}, err
	}
	channel, err := s.store.GetChannel(ctx, u.AccountID, m.ChannelID)
	if err != nil {
		return Unsubscriber{}, err
	}
	if m.Address == "" {
		return Unsubscriber{}, fault.New(fault.NotFound, "the recipient of message %d was erased", m.ID)
	}
	u.RunID, u.Kind, u.Address = m.RunID, channel.Address, m.Address
	return u, nil
}

// Unsubscribe keeps the address behind a token from being written to by
// campaigns; it binds when it returns. Doing it twice is no error.
func (s *Service) Unsubscribe(ctx context.Context, token string) (kind providers.AddressKind, err error) {
	u, err := s.Unsubscriber(ctx, token)
	if err != nil {
		return "", err
	}
	_, err = s.store.OptOut(ctx, u.change(contacts.SourceLink))
	return u.Kind, err
}
