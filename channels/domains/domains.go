// Package domains owns what a domain that mail is sent from publishes in the DNS: which records
// it needs, and whether they are there and say what they should. It must not know the store,
// channels or HTTP, nor where a resolver comes from.
package domains

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"carillon/providers"
)

// Resolver looks records up; *net.Resolver does. A name without a record of the kind is a
// *net.DNSError that IsNotFound.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, address string) ([]string, error)
}

// Sender is what mail is sent as, and by what.
type Sender struct {
	// Domain is that of the sender's address, lower case in its xn-- form.
	Domain string
	// Bounces is the domain that mail comes back to, which SPF is looked up of (RFC 7208, 2.4);
	// empty where it is Domain.
	Bounces string
	// Host is the server that mail is handed to: a name or an address. It is empty where the
	// provider has no server of the user's choice.
	Host string
	// Keys are the public halves of what mail is signed with, or is to be.
	Keys []Key
}

// Key is a public key to publish (DKIM).
type Key struct {
	Selector string
	// Record is the text to publish.
	Record string
	// Signs says that mail is signed with it, and Replaced that it was until another took its
	// place. Neither is one that waits for its record.
	Signs, Replaced bool
}

// Purpose is what a record is for.
type Purpose string

// The purposes, in the order in which they are shown.
const (
	SPF   Purpose = "spf"   // who may send for the domain (RFC 7208)
	DKIM  Purpose = "dkim"  // by which keys its mail is signed (RFC 6376)
	DMARC Purpose = "dmarc" // what becomes of mail that is neither (RFC 7489)
	MX    Purpose = "mx"    // where answers and bounces go (RFC 5321, 5.1)
	PTR   Purpose = "ptr"   // the name of the server's address
	BIMI  Purpose = "bimi"  // the logo beside its mail
)

// Purposes lists them all.
func Purposes() []Purpose { return []Purpose{SPF, DKIM, DMARC, MX, PTR, BIMI} }

// State is what was found of a record.
type State string

// The states of records.
const (
	Unchecked State = "unchecked" // nobody has looked
	OK        State = "ok"
	Missing   State = "missing"
	Wrong     State = "wrong"
	Unknown   State = "unknown" // it could not be looked up, or can't be told from here
)

// States lists them all.
func States() []State { return []State{Unchecked, OK, Missing, Wrong, Unknown} }

// Problem says why a record is not OK, for programs and for who translates; Detail says it in
// words.
type Problem string

// The problems.
const (
	Absent       Problem = "absent"         // there is none
	Several      Problem = "several"        // there is more than one, so that none counts
	Unreadable   Problem = "unreadable"     // it is there and breaks the rules for its kind
	TooMany      Problem = "too_many"       // SPF: more lookups than RFC 7208 allows
	NotCovered   Problem = "not_covered"    // SPF: the mail server is not named
	OtherKey     Problem = "other_key"      // DKIM: another key is published
	Revoked      Problem = "revoked"        // DKIM: the key was taken back
	NoKey        Problem = "no_key"         // DKIM: Carillon signs nothing for the domain
	TakesNone    Problem = "takes_none"     // MX: the domain says that it takes no mail
	Unconfirmed  Problem = "unconfirmed"    // PTR: the name does not lead back
	WeakPolicy   Problem = "weak_policy"    // BIMI: DMARC's policy is none
	NotPublic    Problem = "not_public"     // the server has no public address
	NoAnswer     Problem = "no_answer"      // the name server did not answer
	ServesNoMail Problem = "serves_no_mail" // the mail server's name has no address
)

// Problems lists them all.
func Problems() []Problem {
	return []Problem{Absent, Several, Unreadable, TooMany, NotCovered, OtherKey, Revoked, NoKey, TakesNone, Unconfirmed, WeakPolicy, NotPublic, NoAnswer,
		ServesNoMail}
}

// Record is a record that a sender's domain has, or should have.
type Record struct {
	Purpose Purpose
	// Type and Name are where it is published, and Value what; Value is empty where only the
	// mail server's own documentation knows.
	Type, Name, Value string
	// Required says that large mailbox providers refuse bulk mail without it.
	Required bool
	// Selector is of which key a record for DKIM is.
	Selector string
	State    State
	Problem  Problem
	// Detail says in words what was found, and what to do where it is not OK.
	Detail string
	// Found are the texts that are published.
	Found []string
}

// lookTime bounds all of a check's lookups together.
const lookTime = 10 * time.Second

// mostFound and mostFoundBytes bound what is repeated of a domain's own texts.
const (
	mostFound      = 5
	mostFoundBytes = 600
)

// Records are the records of a sender that nobody has looked up.
func Records(s Sender) []Record {
	list := []Record{{Purpose: SPF, Type: "TXT", Name: s.Domain, Value: suggestedSPF(s.Host), Required: true}}
	for _, k := range s.Keys {
		list = append(list, Record{
			Purpose: DKIM, Type: "TXT", Name: k.Selector + "._domainkey." + s.Domain, Value: k.Record, Required: !k.Replaced, Selector: k.Selector,
		})
	}
	if len(s.Keys) == 0 {
		list = append(list, Record{Purpose: DKIM, Type: "TXT", Required: true, State: Unknown, Problem: NoKey,
			Detail: "Carillon signs no mail of " + s.Domain + ": make a key, unless your mail server signs."})
	}
	list = append(list,
		Record{Purpose: DMARC, Type: "TXT", Name: "_dmarc." + s.Domain, Value: suggestedDMARC, Required: true},
		Record{Purpose: MX, Type: "MX", Name: s.Domain})
	if s.Bounces != "" && s.Bounces != s.Domain {
		list = append(list,
			Record{Purpose: SPF, Type: "TXT", Name: s.Bounces, Value: suggestedSPF(s.Host), Required: true},
			Record{Purpose: MX, Type: "MX", Name: s.Bounces})
	}
	if s.Host != "" {
		list = append(list, Record{Purpose: PTR, Type: "PTR", Name: s.Host})
	}
	list = append(list, Record{Purpose: BIMI, Type: "TXT", Name: "default._bimi." + s.Domain})
	for i := range list {
		if list[i].State == "" {
			list[i].State = Unchecked
		}
	}
	return list
}

// Check looks up every record of a sender, for ten seconds at most in all. What can't be looked
// up is Unknown, and no error.
func Check(ctx context.Context, r Resolver, s Sender) []Record {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	list := Records(s)
	l := look{r, s}
	var group sync.WaitGroup
	for i := range list {
		record := &list[i]
		group.Go(func() {
			switch record.Purpose {
			case SPF:
				l.spf(ctx, record)
			case DKIM:
				l.dkim(ctx, record)
			case DMARC:
				l.dmarc(ctx, record)
			case MX:
				l.mx(ctx, record)
			case PTR:
				l.ptr(ctx, record)
			case BIMI:
				l.bimi(ctx, record)
			}
		})
	}
	group.Wait()
	return list
}

// look is one check under way.
type look struct {
	Resolver
	Sender
}

// ok, is and unanswered write down what was found of a record.
func (r *Record) ok(detail string) { r.State, r.Detail = OK, detail }

func (r *Record) is(state State, problem Problem, detail string) {
	r.State, r.Problem, r.Detail = state, problem, detail
}

func (r *Record) unanswered(name string, err error) {
	r.is(Unknown, NoAnswer, name+" could not be looked up ("+why(err)+"): try again, and see that this machine has a resolver that answers.")
}

// why is why a name could not be looked up, without the resolver's address.
func why(err error) string {
	var failure *net.DNSError
	if errors.As(err, &failure) {
		return failure.Err
	}
	return err.Error()
}

// texts are the texts at a name that begin with a tag such as v=spf1, whatever its case; none
// where there are none.
func texts(ctx context.Context, r Resolver, name, tag string) ([]string, error) {
	all, err := r.LookupTXT(ctx, name)
	if err != nil && !notFound(err) {
		return nil, err
	}
	return slices.DeleteFunc(all, func(text string) bool { return !begins(text, tag) }), nil
}

// begins reports whether a text begins with a tag and nothing that would make it another.
func begins(text, tag string) bool {
	text = strings.TrimSpace(text)
	if len(text) < len(tag) || !strings.EqualFold(text[:len(tag)], tag) {
		return false
	}
	return len(text) == len(tag) || strings.ContainsRune("; \t", rune(text[len(tag)]))
}

func notFound(err error) bool {
	var failure *net.DNSError
	return errors.As(err, &failure) && failure.IsNotFound
}

// found is what may be shown of texts.
func found(list []string) []string {
	shown := make([]string, 0, min(len(list), mostFound))
	for _, text := range list[:min(len(list), mostFound)] {
		text = strings.Map(printable, strings.ToValidUTF8(text, "\uFFFD"))
		if len(text) > mostFoundBytes {
			text = strings.ToValidUTF8(text[:mostFoundBytes], "") + "…"
		}
		shown = append(shown, text)
	}
	return shown
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// addresses are those of the mail server that the Internet sees.
func (l look) addresses(ctx context.Context) (public []netip.Addr, err error) {
	if at, err := netip.ParseAddr(strings.Trim(l.Host, "[]")); err == nil {
		return publicOf([]netip.Addr{at}), nil
	}
	found, err := l.LookupIPAddr(ctx, l.Host)
	if err != nil {
		return nil, err
	}
	all := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		if at, ok := netip.AddrFromSlice(a.IP); ok {
			all = append(all, at.Unmap())
		}
	}
	return publicOf(all), nil
}

func publicOf(all []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(all, func(a netip.Addr) bool { return !providers.IsPublic(a) })
}
