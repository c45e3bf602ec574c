package smtp

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/emersion/go-sasl"
	mail "github.com/wneessen/go-mail/smtp"

	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/line"
)

// desks are where access tokens are bought for servers that take them, by their names (Google's
// "Using OAuth 2.0 to access Google APIs" and Microsoft's "Authenticate an IMAP, POP or SMTP
// connection using OAuth").
var desks = map[string]string{
	"smtp.gmail.com":        "https://oauth2.googleapis.com/token",
	"smtp-relay.gmail.com":  "https://oauth2.googleapis.com/token",
	"smtp.office365.com":    microsoft,
	"smtp-mail.outlook.com": microsoft,
}

const microsoft = "https://login.microsoftonline.com/common/oauth2/v2.0/token"

// byItself is the scope with which an application signs in to Microsoft's as no user.
const byItself = "https://outlook.office365.com/.default"

// oauth reports whether tokens take the password's place.
func (c *Config) oauth() bool { return c.OAuthClientID != "" }

// tokenURL is where access tokens are bought; empty if that is not known.
func (c *Config) tokenURL() string {
	if c.OAuthTokenURL != "" {
		return c.OAuthTokenURL
	}
	return desks[strings.ToLower(c.Host)]
}

// checkOAuth says what is wrong with how tokens are bought.
func checkOAuth(c *Config) (wrong []fault.Field) {
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: "config." + field, Message: fmt.Sprintf(format, args...)})
	}
	if !c.oauth() {
		if !c.OAuthClientSecret.Empty() || !c.OAuthRefreshToken.Empty() || c.OAuthScope != "" || c.OAuthTokenURL != "" {
			refuse("oauth_client_id", "is required to sign in with OAuth2")
		}
		return wrong
	}
	if strings.ContainsFunc(c.Username, func(r rune) bool { return r < ' ' || r == ',' || r == '=' }) || c.Username == "" {
		refuse("username", "must be the address of the mailbox that is signed in to, which OAuth2 needs, too")
	}
	if !c.Password.Empty() {
		refuse("password", "must be left out with oauth_client_id, which takes its place")
	}
	if c.TLS == noTLS {
		refuse("tls", "must be starttls or implicit with oauth_client_id: a token must not go in the clear")
	}
	if c.OAuthClientSecret.Empty() && c.OAuthRefreshToken.Empty() {
		refuse("oauth_refresh_token", "is required, or oauth_client_secret for an application that signs in by itself")
	}
	switch at := c.tokenURL(); {
	case at == "":
		refuse("oauth_token_url", "is required where host is neither Google's nor Microsoft's")
	case at == microsoft && c.OAuthRefreshToken.Empty():
		refuse("oauth_token_url", "must name your tenant for an application that signs in by itself: https://login.microsoftonline.com/TENANT/oauth2/v2.0/token")
	case line.WrongAddress(at, "") != "":
		refuse("oauth_token_url", "%s", line.WrongAddress(at, "or left out where host is Google's or Microsoft's"))
	}
	return wrong
}

// desk is where tokens are bought, with a refresh token (RFC 6749, 6) or without one (4.4).
func (c *Config) desk(scrub func(string) string) line.Desk {
	form := url.Values{"client_id": {c.OAuthClientID}}
	scope := c.OAuthScope
	if c.OAuthRefreshToken.Empty() {
		form.Set("grant_type", "client_credentials")
		if at, _ := url.Parse(c.tokenURL()); scope == "" && at.Hostname() == "login.microsoftonline.com" {
			scope = byItself
		}
	} else {
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", c.OAuthRefreshToken.Reveal())
	}
	if scope != "" {
		form.Set("scope", scope)
	}
	if !c.OAuthClientSecret.Empty() {
		form.Set("client_secret", c.OAuthClientSecret.Reveal())
	}
	return line.Desk{
		Address: c.tokenURL(), Setting: "oauth_token_url", Form: func() (url.Values, error) { return form, nil }, Scrub: scrub,
		Hint: "the application or its user is not taken: correct config.oauth_client_id and config.oauth_client_secret, " +
			"or have the user sign in anew and set the new config.oauth_refresh_token",
	}
}

// bearer signs in with a token.
func (p *Provider) bearer(mechanisms []string, token string) (mail.Auth, error) {
	switch {
	case slices.Contains(mechanisms, "XOAUTH2"):
		return mail.XOAuth2Auth(p.config.Username, token), nil
	case slices.Contains(mechanisms, sasl.OAuthBearer):
		return oauthBearer{sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: p.config.Username, Token: token, Host: p.config.Host})}, nil
	}
	return nil, &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf(
		"the server does not take access tokens (it offers %q): set config.password in place of config.oauth_client_id", strings.Join(mechanisms, " "))}
}

// oauthBearer is OAUTHBEARER (RFC 7628).
type oauthBearer struct{ client sasl.Client }

// Start is the mechanism and what it begins with.
func (a oauthBearer) Start(*mail.ServerInfo) (mechanism string, first []byte, err error) {
	mechanism, first, err = a.client.Start()
	if err != nil {
		return "", nil, fmt.Errorf("sign in: %w", err)
	}
	return mechanism, first, nil
}

// Next answers a server that says what is wrong: it refuses in words of its own behind that (RFC
// 7628, 3.2.3).
func (oauthBearer) Next(_ []byte, more bool) ([]byte, error) {
	if more {
		return []byte{1}, nil
	}
	return nil, nil
}

// scrubWith also takes a token out of a text, as it is and as it is sent; there may be none.
func (p *Provider) scrubWith(token string) func(string) string {
	if token == "" {
		return p.scrub
	}
	pairs := []string{token, secret.Redacted}
	_, sent, _ := mail.XOAuth2Auth(p.config.Username, token).Start(nil) // it never fails
	replace := strings.NewReplacer(append(pairs, base64.StdEncoding.EncodeToString(sent), secret.Redacted)...).Replace
	return func(text string) string { return p.scrub(replace(text)) }
}
