package sendgrid

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/line"
	"carillon/providers/mail"
)

// Config is the configuration of a channel of SendGrid. The verification key is no secret in
// itself, but who may exchange it decides who is believed, as with a secret.
type Config struct {
	API             string        `json:"api,omitempty" destination:"true" format:"uri" default:"https://api.sendgrid.com" doc:"Where SendGrid's API is: https://api.eu.sendgrid.com for a subuser in the European Union. Redirects are not followed."`
	APIKey          secret.String `json:"api_key" writeOnly:"true" doc:"An API key that may send mail (Mail Send, full access)."`
	From            string        `json:"from" format:"email" doc:"Sender's address: a verified single sender, or of an authenticated domain."`
	FromName        string        `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo         string        `json:"reply_to,omitempty" doc:"Address for replies."`
	VerificationKey secret.String `json:"verification_key,omitempty" writeOnly:"true" presented:"true" doc:"The verification key of the signed event webhook, as SendGrid shows it; without it what SendGrid reports is refused."`

	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"120000" default:"30000" doc:"Milliseconds that one request may take."`
	MaxConnections int `json:"max_connections,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Most requests at once; 0 is 128, or the channel's concurrency where that is set."`
}

func check(c *Config) []fault.Field {
	wrong := mail.WrongSender(c.From, c.FromName, c.ReplyTo)
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if wrong := line.WrongAddress(c.API, "or left out for SendGrid's own"); wrong != "" {
		refuse("api", "%s", wrong)
	}
	switch {
	case c.APIKey.Empty():
		refuse("api_key", "is required: Settings, API Keys makes one")
	case strings.ContainsFunc(c.APIKey.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		refuse("api_key", "must be printable ASCII without spaces")
	}
	if _, err := publicKey(c.VerificationKey); err != nil && !c.VerificationKey.Empty() {
		refuse("verification_key", "must be as SendGrid shows it, in base64: %v", err)
	}
	return wrong
}

// publicKey reads a verification key: the DER form of an elliptic public key, in base64.
func publicKey(s secret.String) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(s.Reveal())
	if err != nil {
		return nil, errors.New("it is no base64")
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("it is no public key")
	}
	elliptical, ok := key.(*ecdsa.PublicKey)
	if !ok || elliptical.Curve != elliptic.P256() {
		return nil, errors.New("it is no key of the curve P-256")
	}
	return elliptical, nil
}
