package smtp

import (
	"crypto/x509"
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/mail"
)

// Config is an SMTP channel's configuration.
type Config struct {
	Host     string        `json:"host" destination:"true" maxLength:"253" doc:"The server's name or address. One that is not on the public Internet must be named in the setting allow_relays of the server that runs Carillon."`
	Port     int           `json:"port,omitempty" destination:"true" minimum:"0" maximum:"65535" default:"0" doc:"The server's port; 0 stands for 587 with starttls, 465 with implicit and 25 with none."`
	Username string        `json:"username,omitempty" doc:"User name; empty sends without signing in."`
	Password secret.String `json:"password,omitempty" writeOnly:"true" doc:"Password."`
	TLS      string        `json:"tls,omitempty" destination:"true" enum:"starttls,implicit,none" default:"starttls" doc:"How the connection is encrypted: starttls insists on it, implicit encrypts from the first byte (RFC 8314), none doesn't encrypt."`
	CA       string        `json:"ca_certificates,omitempty" destination:"true" media:"application/x-pem-file" doc:"Certificates in PEM form that are trusted in place of the system's, for a server with a private authority."`
	From     string        `json:"from" format:"email" doc:"Sender's address, in the message and on the envelope."`
	FromName string        `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo  string        `json:"reply_to,omitempty" doc:"Address for replies."`
	Helo     string        `json:"helo,omitempty" maxLength:"253" doc:"Name with which this machine introduces itself; default its host name."`

	MaxConnections int `json:"max_connections,omitempty" minimum:"1" maximum:"200" default:"20" doc:"Most connections at once, per worker process."`
	TimeoutMS      int `json:"timeout_ms,omitempty" minimum:"100" maximum:"600000" default:"60000" doc:"Milliseconds that the server may take for one reply, and for connecting."`
}

// The forms of encryption.
const (
	startTLS    = "starttls"
	implicitTLS = "implicit"
	noTLS       = "none"
)

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	refuse := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if strings.ContainsFunc(c.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '/' || r == '@' }) {
		refuse("host", c.Host, "must be a host name or an IP address")
	}
	wrong = append(wrong, mail.WrongSender(c.From, c.FromName, c.ReplyTo)...)
	if strings.ContainsFunc(c.Helo, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		refuse("helo", c.Helo, "must be a host name or an address in brackets")
	}
	if strings.ContainsAny(c.Username, "\r\n\x00") {
		refuse("username", nil, "must be one line")
	}
	if c.Username == "" && !c.Password.Empty() {
		refuse("username", nil, "is required with a password")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		refuse("ca_certificates", nil, "holds no certificate in PEM form")
	}
	return wrong
}
