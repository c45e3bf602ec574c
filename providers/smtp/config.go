package smtp

import (
	"crypto/x509"
	"fmt"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers/bounce"
	"carillon/providers/mail"
)

// Config is an SMTP channel's configuration.
type Config struct {
	Host     string        `json:"host" destination:"true" maxLength:"253" doc:"The server's name or address. One that is not on the public Internet must be named in the setting allow_relays of the server that runs Carillon."`
	Port     int           `json:"port,omitempty" destination:"true" minimum:"0" maximum:"65535" default:"0" doc:"The server's port; 0 stands for 587 with starttls, 465 with implicit and 25 with none."`
	Username string        `json:"username,omitempty" doc:"User name; empty sends without signing in."`
	Password secret.String `json:"password,omitempty" writeOnly:"true" doc:"Password."`
	// The OAuth2 settings take the password's place.
	OAuthClientID     string        `json:"oauth_client_id,omitempty" maxLength:"400" doc:"Id of the application that signs in with OAuth2 in place of a password (XOAUTH2, OAUTHBEARER)."`
	OAuthClientSecret secret.String `json:"oauth_client_secret,omitempty" writeOnly:"true" doc:"The application's secret."`
	OAuthRefreshToken secret.String `json:"oauth_refresh_token,omitempty" writeOnly:"true" doc:"Refresh token of the user that the application signs in as; without it the application signs in by itself (client credentials)."`
	OAuthScope        string        `json:"oauth_scope,omitempty" maxLength:"400" doc:"Scope that access tokens are bought for; left out it is the refresh token's, and Microsoft's https://outlook.office365.com/.default without one."`
	OAuthTokenURL     string        `json:"oauth_token_url,omitempty" destination:"true" format:"uri" doc:"Where access tokens are bought; left out it is Google's or Microsoft's where host is theirs."`

	TLS      string `json:"tls,omitempty" destination:"true" enum:"starttls,implicit,none" default:"starttls" doc:"How the connection is encrypted: starttls insists on it, implicit encrypts from the first byte (RFC 8314), none doesn't encrypt."`
	CA       string `json:"ca_certificates,omitempty" destination:"true" media:"application/x-pem-file" doc:"Certificates in PEM form that are trusted in place of the system's, for a server with a private authority."`
	From     string `json:"from" format:"email" doc:"Sender's address, in the message and on the envelope."`
	FromName string `json:"from_name,omitempty" maxLength:"200" doc:"Sender's name for display."`
	ReplyTo  string `json:"reply_to,omitempty" doc:"Address for replies."`
	Bounces  string `json:"bounce_address,omitempty" maxLength:"254" doc:"Where mail that can't be delivered comes back to, such as bounces@example.org: each message has an address of its own on the envelope, bounces+…@example.org, by which it is known. Needs bounce_token, and the domain a mail server that hands on what comes. Without it mail comes back to from."`
	// BounceToken makes what stands in those addresses, too, so that nobody can make one up.
	BounceToken secret.String `json:"bounce_token,omitempty" writeOnly:"true" presented:"true" doc:"What stands behind ?token= where a mail server posts what came back, /hooks/{channel_id}?token=…; the addresses that mail comes back to are made with it."`
	Helo        string        `json:"helo,omitempty" maxLength:"253" doc:"Name with which this machine introduces itself; default its host name."`

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
	wrong = append(wrong, checkBounces(c)...)
	wrong = append(wrong, checkOAuth(c)...)
	if c.Username == "" && !c.Password.Empty() {
		refuse("username", nil, "is required with a password")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		refuse("ca_certificates", nil, "holds no certificate in PEM form")
	}
	return wrong
}

// leastBounceToken is in bytes: whoever got a mail could try tokens out by the address that it
// came from.
const leastBounceToken = 16

// checkBounces says what is wrong with where mail comes back to.
func checkBounces(c *Config) (wrong []fault.Field) {
	refuse := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	token := c.BounceToken.Reveal()
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		refuse(tokenSetting, nil, "must be printable ASCII without spaces")
	}
	if n := len(token); n > 0 && n < leastBounceToken {
		refuse(tokenSetting, nil, "must have at least %d letters, such as openssl rand -hex 16 makes", leastBounceToken)
	}
	if c.Bounces == "" {
		return wrong
	}
	a, err := mail.ParseMailbox(c.Bounces)
	local, _, _ := strings.Cut(c.Bounces, "@")
	switch {
	case err != nil:
		refuse("bounce_address", c.Bounces, "must be an e-mail address: %v", err)
	case a.UTF8 || c.Bounces[0] == '"' || strings.HasPrefix(a.Domain, "["):
		refuse("bounce_address", c.Bounces, "must be an ASCII address with a domain, without quotes")
	case len(local) > bounce.MaxLocal:
		refuse("bounce_address", c.Bounces, "must have at most %d letters before the @, because what tells the message follows them", bounce.MaxLocal)
	}
	if token == "" {
		refuse(tokenSetting, nil, "is required with bounce_address: nobody may make up addresses that mail comes back to")
	}
	return wrong
}
