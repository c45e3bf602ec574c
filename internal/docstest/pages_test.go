package docstest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/messylist"
	"carillon/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// TestPages runs what the pages tell people to run.
func TestPages(t *testing.T) {
	program, names := buildProgram(t), testenv.StartNames(t)
	database, err := testenv.NewestDatabase(program)
	require.NoError(t, err)
	stands := map[string]func(*testing.T) stand{
		"README.md: Your first newsletter":                         newsletter,
		"docs/bounces.md: Try it":                                  returning,
		"docs/schedules.md: A data feed":                           dataFeed,
		"docs/tracking.md: Try it":                                 receiver,
		"docs/network.md: TLS without a proxy":                     secure,
		"docs/network.md: A listener for the public":               public,
		"docs/providers/whatsapp.md: Hand a template in":           played,
		"docs/statistics.md: Reports, and mails about the account": reportMails,
		"docs/webhooks.md: Try it":                                 receiver,
		"README.md: Several processes on PostgreSQL and Redis":     servers,
		"docs/journeys.md: A messy list, a segment, a mistake":     messy,
	}
	for _, page := range pages(t) {
		for _, s := range readPage(t, page) {
			if !slices.ContainsFunc(s.blocks, func(b block) bool { return b.language == "shell" && b.notRun == "" }) {
				continue
			}
			name := page + ": " + s.title
			on := stands[name]
			delete(stands, name)
			if s.title == tried {
				on = played
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				with := stand{}
				if on != nil {
					with = on(t)
				}
				source := ""
				for _, b := range s.blocks {
					source += b.text
				}
				for i := 0; i < len(with.replace); i += 2 {
					require.Contains(t, source, with.replace[i], "nothing to replace")
				}
				// README's reader begins in a folder of their own, with nothing.
				with.program, with.database = program, database
				// No reader's domain is asked about outside.
				with.env = append(with.env, "CARILLON_DNS_SERVER="+names.Addr)
				runSection(t, page, s, with)
			})
		}
	}
	require.Empty(t, stands, "the pages have no such section")
}

// tried is the title of the sections, on the pages of providers, that run the sink.
const tried = "Try it without an account"

// played has the sink of the page answer on a free port.
func played(t *testing.T) stand {
	return stand{replace: []string{"127.0.0.1:9090", testenv.FreeAddress(t)}}
}

// messy lays the list of an office into the reader's folder.
func messy(*testing.T) stand {
	return stand{files: map[string]func(io.Writer) error{"kunden.csv": messylist.Write}}
}

// servers stands in for the database and the Redis of the reader.
func servers(t *testing.T) stand {
	return stand{replace: []string{
		"postgres://carillon:secret@db.example.org/carillon", testenv.SharedPostgres(t).NewDatabase(t),
		"redis://redis.example.org:6379/0", testenv.SharedRedis(t).NewDatabase(t),
	}}
}

// public puts a free address in the place of the one that the public listener has on the page.
func public(t *testing.T) stand {
	return stand{replace: []string{"127.0.0.1:8081", testenv.FreeAddress(t)}}
}

// secure lays a certificate, its key and its authority's certificate into the reader's folder.
func secure(t *testing.T) stand {
	own, ca := testenv.Certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	require.NoError(t, err)
	with := public(t)
	with.files = map[string]func(io.Writer) error{}
	for name, text := range map[string]string{
		"cert.pem": ca, "ca.pem": ca, "key.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	} {
		with.files[name] = func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
	}
	return with
}

// dataFeed stands in for the shop of the reader.
func dataFeed(t *testing.T) stand {
	own, ca := testenv.Certificate(t)
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	require.NoError(t, os.WriteFile(certificate, []byte(ca), 0o600))
	shop := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"shop": "Bells & more", "items": [{"id": 1, "title": "A hand bell", "price": 9.90}, {"id": 2, "title": "A rope", "price": 15}]}`))
	}))
	shop.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	shop.StartTLS()
	t.Cleanup(shop.Close)
	host := shop.Listener.Addr().String()
	return stand{replace: []string{"shop.example.org", host}, env: []string{"SSL_CERT_FILE=" + certificate, "CARILLON_ALLOW_RELAYS=" + host}}
}

// receiver stands in for what takes the messages of a webhook channel, and shows the last.
func receiver(t *testing.T) stand {
	var last atomic.Value
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err == nil {
				last.Store(body)
			}
			return
		}
		body, _ := last.Load().([]byte)
		_, _ = w.Write(body)
	}))
	t.Cleanup(receiver.Close)
	return stand{
		replace: []string{"https://receiver.example.org/", receiver.URL + "/"},
		env:     []string{"CARILLON_ALLOW_RELAYS=" + receiver.Listener.Addr().String(), "CARILLON_ALLOW_PRIVATE_ADDRESSES=true"},
	}
}

var pauses = regexp.MustCompile(`campaign pause|campaigns/\d+/pause`)

// newsletter stands in for the mail server of the reader, and looks whether what
// the page sends arrives there, once, and not while it is paused.
func newsletter(t *testing.T) stand {
	mail := newMailServer(t, "news", "secret")
	return stand{
		atEnd: func() { requireNewsletters(t, mail) },
		env:   []string{"SSL_CERT_FILE=" + mail.certificate, "CARILLON_ALLOW_RELAYS=127.0.0.1:" + mail.port},
		replace: []string{
			"mail.example.org", "127.0.0.1",
			"port=587", "port=" + mail.port,
			`"port": 587`, `"port": ` + mail.port,
		},
		afterBlock: func(b block) {
			if !pauses.MatchString(b.text) {
				return
			}
			// The campaign sends one message a second: paused, at most the one that was
			// in flight arrives in three.
			before := newsletters(mail)
			<-time.After(3 * time.Second)
			require.LessOrEqual(t, newsletters(mail), before+1, "README.md:%d: a paused campaign goes on", b.line)
		},
	}
}

// returning stands in for the mail server of the reader and for their mailbox, in which the mail
// lies once it has arrived.
func returning(t *testing.T) stand {
	mail := newMailServer(t, "news", "secret")
	arrived := filepath.Join(t.TempDir(), "arrived.eml")
	return stand{
		env: []string{"SSL_CERT_FILE=" + mail.certificate, "CARILLON_ALLOW_RELAYS=127.0.0.1:" + mail.port},
		replace: []string{
			"mail.example.org --set", "127.0.0.1 --set", "port=587", "port=" + mail.port, "arrived.eml", arrived, "127.0.0.1:2525", testenv.FreeAddress(t),
		},
		afterBlock: func(b block) {
			if !strings.Contains(b.text, "channel test") {
				return
			}
			require.Eventually(t, func() bool { return len(mail.arrived()) == 1 }, patience, 10*time.Millisecond)
			require.NoError(t, os.WriteFile(arrived, []byte("Return-Path: <"+mail.arrived()[0].returns+">\n"), 0o600))
		},
	}
}

// reportMails stands in for the mail server of the reader, and looks whether the report and
// the week arrive there with their charts.
func reportMails(t *testing.T) stand {
	mail := newMailServer(t, "news", "secret")
	reports := func() (arrived int) {
		for _, l := range mail.arrived() {
			if l.to == "boss@example.org" {
				arrived++
			}
		}
		return arrived
	}
	return stand{
		env:     []string{"SSL_CERT_FILE=" + mail.certificate, "CARILLON_ALLOW_RELAYS=127.0.0.1:" + mail.port},
		replace: []string{"mail.example.org", "127.0.0.1", "port=587", "port=" + mail.port},
		atEnd: func() {
			require.Eventually(t, func() bool { return reports() == 2 }, patience, 10*time.Millisecond)
			letters := mail.arrived()
			at := slices.IndexFunc(letters, func(l letter) bool { return l.to == "boss@example.org" && l.subject == "Report: Spring" })
			require.NotEqual(t, -1, at, "the report has arrived")
			require.Contains(t, letters[at].body, "Content-Type: multipart/related")
			require.Contains(t, letters[at].body, "Content-Type: image/png")
		},
	}
}

// people are those in the page's file that can be written to.
var people = map[string]string{
	"ada@example.org":     "Subject: A coupon for Ada\nHello Ada,\n\nyour coupon is TEN-A.\n",
	"grace@example.org":   "Subject: A coupon for Grace\nHello Grace,\n\nyour coupon is TEN-B.\n",
	"mary@example.org":    "Subject: A coupon for you\nHello there,\n\nyour coupon is TEN-D.\n",
	"alan@example.org":    "Subject: A coupon for Alan\nHello Alan,\n\nyour coupon is TEN-E.\n",
	"barbara@example.org": "Subject: A coupon for Barbara\nHello Barbara,\n\nyour coupon is TEN-G.\n",
}

func newsletters(mail *mailServer) int {
	n := 0
	for _, l := range mail.arrived() {
		if people[l.to] != "" {
			n++
		}
	}
	return n
}

// requireNewsletters checks what arrived: both campaigns at everybody, and the
// tests and the single message at the reader.
func requireNewsletters(t *testing.T, mail *mailServer) {
	t.Helper()
	const campaigns, toReader = 2, 4
	require.Eventually(t, func() bool { return len(mail.arrived()) >= campaigns*len(people)+toReader }, patience, 10*time.Millisecond)
	ids, got := map[string]bool{}, map[string]int{}
	for _, l := range mail.arrived() {
		require.False(t, ids[l.id], "%s arrived twice", l.id)
		ids[l.id] = true
		got[l.to]++
		require.Equal(t, `"The bell ringers" <news@example.org>`, l.from)
		if want, ok := people[l.to]; ok {
			require.Equal(t, want, fmt.Sprintf("Subject: %s\n%s", l.subject, strings.TrimRight(l.body, "\n")+"\n"))
		}
	}
	want := map[string]int{"me@example.org": toReader}
	for to := range people {
		want[to] = campaigns
	}
	require.Equal(t, want, got)
}
