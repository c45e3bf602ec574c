package smtp

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"
	"strings"

	mail "github.com/wneessen/go-mail/smtp"

	"carillon/internal/clock"
	"carillon/internal/secret"
	"carillon/providers"
)

// dial opens a connection that is ready for MAIL. Every error is a
// *providers.Error.
func (p *Provider) dial(ctx context.Context) (*conn, error) {
	if p.tokens == nil {
		return p.connect(ctx, "")
	}
	token, err := p.tokens.Get(ctx, "")
	if err != nil {
		return nil, err
	}
	c, err := p.connect(ctx, token)
	if failure := providers.AsError(err); err == nil || failure.Kind != providers.ErrorAuth || failure.Code == "" {
		return c, err
	}
	// It may have ended before its time. Where it has not the server refuses the next one, too.
	if token, err = p.tokens.Get(ctx, token); err != nil {
		return nil, err
	}
	return p.connect(ctx, token)
}

// connect opens a connection and signs in with a token, or with the password where that is empty.
func (p *Provider) connect(ctx context.Context, token string) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	raw, err := p.deps.Dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return nil, providers.ClassifyDial(err)
	}
	// go-mail's client knows no context: the end of ours closes the connection
	// under it.
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	shut := !p.deps.Dialer.Quotable(p.address, raw)
	scrub := p.scrubWith(token)
	c, err := p.converse(ctx, raw, token)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		return nil, p.dialError(err, shut, scrub)
	}
	c.scrub = scrub
	return c, nil
}

// refused is a server's refusal before the first message.
type refused struct {
	at  stage
	err error
}

// Error says where it was and what was said.
func (r *refused) Error() string { return string(r.at) + ": " + r.err.Error() }

// Unwrap is what was said.
func (r *refused) Unwrap() error { return r.err }

func (p *Provider) converse(ctx context.Context, raw net.Conn, token string) (*conn, error) {
	wire := raw
	if p.config.TLS == implicitTLS {
		encrypted := tls.Client(raw, p.tls.Clone())
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		wire = encrypted
	}
	client, err := mail.NewClient(wire, p.config.Host)
	if err != nil {
		return nil, &refused{greeting, err}
	}
	if err := client.Hello(p.helo); err != nil {
		return nil, &refused{hello, err}
	}
	if p.config.TLS == startTLS {
		if ok, _ := client.Extension("STARTTLS"); !ok {
			return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New(
				`the server doesn't offer STARTTLS, so the connection would not be encrypted; set config.tls to "implicit", or to "none" if that is wanted`)}
		}
		if err := client.StartTLS(p.tls.Clone()); err != nil {
			return nil, &refused{encrypt, err}
		}
	}
	if p.config.Username != "" {
		auth, err := p.mechanism(client, token)
		if err != nil {
			return nil, err
		}
		if err := client.Auth(auth); err != nil {
			return nil, &refused{signIn, err}
		}
	}
	c := &conn{provider: p, raw: raw, client: client, in: client.Text.R, out: client.Text.W}
	c.pipelining, _ = client.Extension("PIPELINING")
	c.size, _ = client.Extension("SIZE")
	c.utf8, _ = client.Extension("SMTPUTF8")
	c.eightBit, _ = client.Extension("8BITMIME")
	if c.pipelining {
		p.foundPipelining()
	}
	return c, nil
}

// mechanism chooses the strongest way to sign in that both sides know. go-mail
// refuses to send a password in the clear to other machines.
func (p *Provider) mechanism(client *mail.Client, token string) (mail.Auth, error) {
	_, offered := client.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	if token != "" {
		return p.bearer(mechanisms, token)
	}
	user, password := p.config.Username, p.config.Password.Reveal()
	state, encrypted := client.TLSConnectionState()
	for _, m := range []struct {
		name string
		make func() mail.Auth
	}{
		{"SCRAM-SHA-256-PLUS", func() mail.Auth { return mail.ScramSHA256PlusAuth(user, password, &state) }},
		{"SCRAM-SHA-256", func() mail.Auth { return mail.ScramSHA256Auth(user, password) }},
		{"SCRAM-SHA-1", func() mail.Auth { return mail.ScramSHA1Auth(user, password) }},
		{"PLAIN", func() mail.Auth { return mail.PlainAuth("", user, password, p.config.Host, false) }},
		{"LOGIN", func() mail.Auth { return mail.LoginAuth(user, password, p.config.Host, false) }},
		{"CRAM-MD5", func() mail.Auth { return mail.CRAMMD5Auth(user, password) }},
	} {
		if !slices.Contains(mechanisms, m.name) || strings.HasSuffix(m.name, "-PLUS") && !encrypted {
			continue
		}
		inClear := m.name == "PLAIN" || m.name == "LOGIN"
		if inClear && !encrypted && slices.Contains(mechanisms, "CRAM-MD5") {
			continue
		}
		return m.make(), nil
	}
	return nil, &providers.Error{Kind: providers.ErrorAuth, Err: fmt.Errorf(
		"the server offers no way to sign in that is known here (it offers %q): check config.tls, or remove config.username", strings.Join(mechanisms, " "))}
}

// dialError classifies why a connection didn't come to be, without the password
// that a server may have quoted. What is no SMTP is never quoted, and of a
// server that is shut to questions only the codes are told until it has greeted
// us: else a channel would show what answers where inside.
func (p *Provider) dialError(err error, shut bool, scrub func(string) string) *providers.Error {
	var (
		ours    *providers.Error
		at      *refused
		refusal *textproto.Error
		foreign textproto.ProtocolError
	)
	if errors.As(err, &ours) {
		return ours
	}
	if errors.As(err, &foreign) && errors.As(err, &at) {
		return providers.ClassifyDial(fmt.Errorf("%s: %s does not answer in SMTP: check config.host, config.port and config.tls", at.at, p.address))
	}
	if errors.As(err, &refusal) && errors.As(err, &at) {
		r := reply{code: refusal.Code, text: scrub(joinLines(printableLines(refusal.Msg)))}
		e := classify(at.at, r)
		if shut && (at.at == greeting || at.at == hello) {
			e.Err = refusedAt(at.at, reply{code: r.code, text: r.enhanced()})
		}
		return e
	}
	if errors.Is(err, mail.ErrUnencrypted) {
		return &providers.Error{Kind: providers.ErrorAuth, Err: errors.New(
			`the password would be sent in the clear: set config.tls to "starttls" or "implicit"`)}
	}
	e := providers.ClassifyDial(err)
	if said := e.Err.Error(); scrub(said) != said {
		e.Err = errors.New(scrub(said))
	}
	return e
}

// scrubber takes the secrets out of a text, the password as it is and as it is sent.
func scrubber(c *Config) func(string) string {
	var pairs []string
	for _, s := range []secret.String{c.BounceToken, c.OAuthClientSecret, c.OAuthRefreshToken} {
		if !s.Empty() {
			pairs = append(pairs, s.Reveal(), secret.Redacted)
		}
	}
	if c.Password.Empty() {
		return strings.NewReplacer(pairs...).Replace
	}
	password := c.Password.Reveal()
	return strings.NewReplacer(append(pairs,
		base64.StdEncoding.EncodeToString([]byte("\x00"+c.Username+"\x00"+password)), secret.Redacted,
		base64.StdEncoding.EncodeToString([]byte(password)), secret.Redacted,
		password, secret.Redacted,
	)...).Replace
}

// deadline moves the time by which the server must have answered. It is the
// machine's time whatever the provider's clock, because the kernel keeps it.
func (c *conn) deadline() { _ = c.raw.SetDeadline(clock.System{}.Now().Add(c.provider.timeout)) }
