package domains_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"carillon/channels/domains"
	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"

// one is what a check finds of a purpose.
func one(t *testing.T, list []domains.Record, purpose domains.Purpose) domains.Record {
	t.Helper()
	var of []domains.Record
	for _, r := range list {
		if r.Purpose == purpose {
			of = append(of, r)
		}
	}
	require.Len(t, of, 1, "%+v", list)
	return of[0]
}

// Each line publishes something and says what is found of it.
func TestWhatIsPublished(t *testing.T) {
	sender := domains.Sender{
		Domain: "news.example.org", Host: "mail.example.net", Keys: []domains.Key{{Selector: "bell", Record: key, Signs: true}},
	}
	text := func(name string, texts ...string) func(*testenv.Names) {
		return func(n *testenv.Names) { n.Text(name, texts...) }
	}
	host := func(name string) func(*domains.Sender) { return func(s *domains.Sender) { s.Host = name } }
	waits := func(s *domains.Sender) { s.Keys = []domains.Key{{Selector: "x", Record: key}} }
	was := func(s *domains.Sender) { s.Keys = []domains.Key{{Selector: "x", Record: key, Replaced: true}} }
	for name, c := range map[string]struct {
		publish func(*testenv.Names)
		change  func(*domains.Sender)
		purpose domains.Purpose
		state   domains.State
		problem domains.Problem
		says    string
	}{
		"no SPF": {nil, nil, domains.SPF, domains.Missing, domains.Absent, "Nobody is named"},
		"SPF names the server": {text("news.example.org", "other", "V=spf1 a:mail.example.net -all"), nil,
			domains.SPF, domains.OK, "", "lets mail.example.net send"},
		"SPF names its address":  {text("news.example.org", "v=spf1 ip4:8.8.8.0/24 ~all"), nil, domains.SPF, domains.OK, "", ""},
		"SPF names another":      {text("news.example.org", "v=spf1 ip4:8.8.4.4 ~all"), nil, domains.SPF, domains.Wrong, domains.NotCovered, "(8.8.8.8)"},
		"two of SPF":             {text("news.example.org", "v=spf1 -all", "v=spf1 mx -all"), nil, domains.SPF, domains.Wrong, domains.Several, ""},
		"SPF that isn't":         {text("news.example.org", "v=spf1 nonsense -all"), nil, domains.SPF, domains.Wrong, domains.Unreadable, ""},
		"SPF of version 10":      {text("news.example.org", "v=spf10 -all"), nil, domains.SPF, domains.Missing, domains.Absent, ""},
		"SPF without end":        {text("news.example.org", "v=spf1 include:news.example.org -all"), nil, domains.SPF, domains.Wrong, domains.TooMany, "ten"},
		"SPF includes a failure": {text("news.example.org", "v=spf1 include:broken.example.org -all"), nil, domains.SPF, domains.Unknown, domains.NoAnswer, ""},
		"SPF of a service": {text("news.example.org", "v=spf1 include:sendgrid.net ~all"), host("smtp.sendgrid.net"),
			domains.SPF, domains.OK, "", "sendgrid.net"},
		"SPF lacks the service": {text("news.example.org", "v=spf1 mx ~all"), host("email-smtp.eu-west-1.amazonaws.com"), domains.SPF, domains.Wrong,
			domains.NotCovered, "include:amazonses.com"},
		"SPF of a relay inside": {text("news.example.org", "v=spf1 mx ~all"), host("10.0.0.7"), domains.SPF, domains.OK, "", "your own network"},
		"SPF of a relay with no name": {text("news.example.org", "v=spf1 mx ~all"), host("nowhere.example.net"), domains.SPF, domains.OK, "",
			"can't be seen"},

		"no DKIM": {nil, nil, domains.DKIM, domains.Missing, domains.Absent, "publish it again"},
		"DKIM": {text("bell._domainkey.news.example.org", "v=DKIM1;k=rsa; p=MIIBIjANBgkqhki G9w0BAQEFAAOCAQ8A"), nil,
			domains.DKIM, domains.OK, "", ""},
		"DKIM of another":    {text("bell._domainkey.news.example.org", "v=DKIM1; p=MIIB"), nil, domains.DKIM, domains.Wrong, domains.OtherKey, ""},
		"DKIM taken back":    {text("bell._domainkey.news.example.org", "v=DKIM1; p="), nil, domains.DKIM, domains.Wrong, domains.Revoked, ""},
		"two of DKIM":        {text("bell._domainkey.news.example.org", key, key), nil, domains.DKIM, domains.Wrong, domains.Several, ""},
		"nothing is signed":  {nil, func(s *domains.Sender) { s.Keys = nil }, domains.DKIM, domains.Unknown, domains.NoKey, "make a key"},
		"DKIM that waits":    {nil, waits, domains.DKIM, domains.Missing, domains.Absent, "from when"},
		"DKIM that was":      {text("x._domainkey.news.example.org", key), was, domains.DKIM, domains.OK, "", "for a week"},
		"DKIM that was gone": {nil, was, domains.DKIM, domains.Missing, domains.Absent, "remove the key"},

		"no DMARC": {nil, nil, domains.DMARC, domains.Missing, domains.Absent, "p=none changes nothing"},
		"DMARC": {text("_dmarc.news.example.org", "v=DMARC1; p=none; rua=mailto:d@example.org"), nil,
			domains.DMARC, domains.OK, "", "policy is none"},
		"DMARC above":  {text("_dmarc.example.org", "v=DMARC1; p=none; sp=reject"), nil, domains.DMARC, domains.OK, "", "reject"},
		"two of DMARC": {text("_dmarc.news.example.org", "v=DMARC1; p=none", "v=DMARC1; p=reject"), nil, domains.DMARC, domains.Wrong, domains.Several, ""},
		"DMARC without one": {text("_dmarc.news.example.org", "v=DMARC1; rua=mailto:d@example.org"), nil,
			domains.DMARC, domains.Wrong, domains.Unreadable, "none, quarantine or reject"},
		"DMARC that is none": {text("_dmarc.news.example.org", "something"), nil, domains.DMARC, domains.Missing, domains.Absent, ""},

		"no MX":      {nil, nil, domains.MX, domains.Missing, domains.Absent, "reach nobody"},
		"MX":         {func(n *testenv.Names) { n.Mail("news.example.org", "in.example.org") }, nil, domains.MX, domains.OK, "", ""},
		"MX of none": {func(n *testenv.Names) { n.Mail("news.example.org", ".") }, nil, domains.MX, domains.Wrong, domains.TakesNone, "RFC 7505"},

		"no name":              {nil, nil, domains.PTR, domains.Missing, domains.Absent, "8.8.8.8 has no name"},
		"name":                 {func(n *testenv.Names) { n.Named("8.8.8.8", "mail.example.net") }, nil, domains.PTR, domains.OK, "", ""},
		"name of another":      {func(n *testenv.Names) { n.Named("8.8.8.8", "other.example.net") }, nil, domains.PTR, domains.Wrong, domains.Unconfirmed, ""},
		"name of inside":       {nil, host("192.168.1.9"), domains.PTR, domains.Unknown, domains.NotPublic, ""},
		"name of nobody":       {nil, host("nowhere.example.net"), domains.PTR, domains.Wrong, domains.ServesNoMail, "correct"},
		"name of the service":  {nil, host("smtp.sendgrid.net"), domains.PTR, domains.OK, "", ""},
		"name of broken names": {nil, host("broken.example.net"), domains.PTR, domains.Unknown, domains.NoAnswer, ""},

		"no BIMI": {nil, nil, domains.BIMI, domains.Missing, domains.Absent, "Optional"},
		"BIMI no logo": {text("default._bimi.news.example.org", "v=BIMI1; l=http://example.org/a.svg"), nil,
			domains.BIMI, domains.Wrong, domains.Unreadable, "https"},
		"BIMI alone": {text("default._bimi.news.example.org", "v=BIMI1; l=https://example.org/a.svg"), nil,
			domains.BIMI, domains.Wrong, domains.WeakPolicy, ""},
		"BIMI": {func(n *testenv.Names) {
			n.Text("default._bimi.news.example.org", "v=BIMI1; l=https://example.org/a.svg")
			n.Text("_dmarc.news.example.org", "v=DMARC1; p=quarantine")
		}, nil, domains.BIMI, domains.OK, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			names := testenv.StartNames(t)
			names.Address("mail.example.net", "8.8.8.8")
			names.Address("other.example.net", "8.8.4.4")
			if c.publish != nil {
				c.publish(names)
			}
			s := sender
			if c.change != nil {
				c.change(&s)
			}
			got := one(t, domains.Check(t.Context(), names.Resolver(), s), c.purpose)
			require.Equal(t, c.state, got.State, "%+v", got)
			require.Equal(t, c.problem, got.Problem, "%+v", got)
			require.NotEmpty(t, got.Detail)
			require.Contains(t, got.Detail, c.says)
			require.NotContains(t, got.Detail, names.Addr)
		})
	}
}

// A name server that answers nothing is no error and no lie: everything is unknown.
func TestNobodyAnswers(t *testing.T) {
	names := testenv.StartNames(t)
	for _, r := range domains.Check(t.Context(), names.Resolver(), domains.Sender{
		Domain: "broken.example.org", Host: "broken.example.net", Keys: []domains.Key{{Selector: "bell", Record: key}},
	}) {
		require.Equal(t, domains.Unknown, r.State, "%+v", r)
		require.Equal(t, domains.NoAnswer, r.Problem)
		require.Contains(t, r.Detail, "try again")
	}
}

// What is to be published stands there before anybody looks, and is what a check takes for right.
func TestRecordsToPublish(t *testing.T) {
	for _, host := range []string{"mail.example.net", "8.8.8.8", "10.0.0.7", "[2001:4860:4860::8888]", "smtp.gmail.com", ""} {
		s := domains.Sender{Domain: "example.org", Host: host, Keys: []domains.Key{{Selector: "bell", Record: key}}}
		names := testenv.StartNames(t)
		names.Address("mail.example.net", "8.8.8.8")
		for _, r := range domains.Records(s) {
			require.Equal(t, domains.Unchecked, r.State)
			if r.Type == "TXT" && r.Value != "" {
				names.Text(r.Name, r.Value)
			}
		}
		for _, r := range domains.Check(t.Context(), names.Resolver(), s) {
			if r.Required && (host != "" || r.Purpose != domains.SPF) {
				require.Equal(t, domains.OK, r.State, "%+v", r)
			}
		}
	}
}

// Receivers look SPF up of the domain that mail comes back to; of one of its own there is one more
// record, and it is looked for there.
func TestTheDomainThatMailComesBackTo(t *testing.T) {
	s := domains.Sender{Domain: "example.org", Bounces: "bounces.example.org", Host: "mail.example.net"}
	names := testenv.StartNames(t)
	names.Address("mail.example.net", "8.8.8.8")
	names.Text("example.org", "v=spf1 -all")
	names.Text("bounces.example.org", "v=spf1 a:mail.example.net -all")
	states := map[string]domains.State{}
	for _, r := range domains.Check(t.Context(), names.Resolver(), s) {
		if r.Purpose == domains.SPF || r.Purpose == domains.MX {
			states[string(r.Purpose)+" "+r.Name] = r.State
		}
	}
	require.Equal(t, map[string]domains.State{
		"spf example.org": domains.Wrong, "mx example.org": domains.Missing,
		"spf bounces.example.org": domains.OK, "mx bounces.example.org": domains.Missing,
	}, states)
	s.Bounces = "example.org"
	one(t, domains.Records(s), domains.SPF)
}

// What a name server says is bounded and printable before it is shown.
func TestWhatIsFoundIsBounded(t *testing.T) {
	names := testenv.StartNames(t)
	names.Text("_dmarc.example.org", "v=DMARC1; p=none; x=\x1b[31m\r\n"+strings.Repeat("é", 400))
	got := one(t, domains.Check(t.Context(), names.Resolver(), domains.Sender{Domain: "example.org"}), domains.DMARC)
	require.Len(t, got.Found, 1)
	require.LessOrEqual(t, len(got.Found[0]), 610)
	require.NotContains(t, got.Found[0], "\x1b")
	require.NotContains(t, got.Found[0], "\n")
	require.True(t, strings.HasSuffix(got.Found[0], "é…"))
}

// FuzzCheck: whatever is published, a check ends, and what is not well says why.
func FuzzCheck(f *testing.F) {
	f.Add("v=spf1 include:example.org", "v=DMARC1; p", "v=DKIM1; p=;p=x", "v=BIMI1;l=https://")
	f.Add("v=spf1 exists:%{i}.x redirect=example.org", "v=DMARC1;p=none;sp=", "=;=", ";;;")
	f.Fuzz(func(t *testing.T, spf, dmarc, dkim, bimi string) {
		if max(len(spf), len(dmarc), len(dkim), len(bimi)) > 300 {
			return
		}
		known := table{"example.org": spf, "_dmarc.example.org": dmarc, "bell._domainkey.example.org": dkim, "default._bimi.example.org": bimi}
		for _, r := range domains.Check(t.Context(), known, domains.Sender{
			Domain: "example.org", Host: "8.8.8.8", Keys: []domains.Key{{Selector: "bell", Record: key}},
		}) {
			require.NotEqual(t, domains.Unchecked, r.State)
			require.NotEmpty(t, r.Detail)
			require.Equal(t, r.State == domains.OK, r.Problem == "", "%+v", r)
		}
	})
}

// table is a resolver that knows texts alone.
type table map[string]string

func (t table) LookupTXT(_ context.Context, name string) ([]string, error) {
	if text, has := t[strings.TrimSuffix(name, ".")]; has {
		return []string{text}, nil
	}
	return nil, nowhere(name)
}

func (table) LookupMX(_ context.Context, name string) ([]*net.MX, error) { return nil, nowhere(name) }

func (table) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	return nil, nowhere(name)
}

func (table) LookupAddr(_ context.Context, name string) ([]string, error) { return nil, nowhere(name) }

func nowhere(name string) error {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}
