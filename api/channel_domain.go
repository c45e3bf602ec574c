package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/channels"
	"carillon/channels/domains"
	"carillon/internal/secret"
	"carillon/providers"
)

// SendingDomain is the domain that a channel's mail comes from, with what it is to publish.
type SendingDomain struct {
	Domain  string       `json:"domain" doc:"Domain of the sender's address."`
	Server  string       `json:"server,omitempty" doc:"Server that mail is handed to."`
	Keys    []SigningKey `json:"signing_keys" doc:"What the channel signs its mail with (DKIM), in the order in which they were made."`
	Records []DNSRecord  `json:"records"`
}

// SigningKey is a key for DKIM as the API shows it: never its private half.
type SigningKey struct {
	Selector   string     `json:"selector" doc:"Name below the domain at which it is published."`
	State      string     `json:"state" enum:"waiting,signing,replaced" doc:"waiting: mail is signed with it from when a check finds its record; signing: mail is signed with it; replaced: another took its place, and its record is needed for a week still."`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by,omitempty"`
	SignsSince *time.Time `json:"signs_since,omitempty" doc:"When a check found its record first."`
}

// DNSRecord is a record that a sender's domain has, or should have.
type DNSRecord struct {
	Purpose  string   `json:"purpose" enum:"spf,dkim,dmarc,mx,ptr,bimi" doc:"spf: who may send for the domain; dkim: by which key its mail is signed; dmarc: what becomes of mail that is neither; mx: where answers go; ptr: the name of the mail server's address; bimi: the logo beside its mail."`
	Type     string   `json:"type" enum:"TXT,MX,PTR"`
	Name     string   `json:"name,omitempty" doc:"Where it is published."`
	Value    string   `json:"value,omitempty" doc:"What to publish; absent where only your mail server's documentation knows."`
	Required bool     `json:"required" doc:"Large mailbox providers refuse bulk mail without it, or hide it."`
	Selector string   `json:"selector,omitempty" doc:"Of which signing key it is."`
	State    string   `json:"state" enum:"unchecked,ok,missing,wrong,unknown" doc:"unchecked: nobody has looked; unknown: it could not be looked up, or can't be told from here."`
	Problem  string   `json:"problem,omitempty" enum:"absent,several,unreadable,too_many,not_covered,other_key,revoked,no_key,takes_none,unconfirmed,weak_policy,not_public,no_answer,serves_no_mail" doc:"Why it is not ok, for programs."`
	Detail   string   `json:"detail,omitempty" doc:"What was found, and what to do, in words."`
	Found    []string `json:"found,omitempty" doc:"What is published; at most five, each of at most 600 bytes."`
}

// SigningKeyInput is a signing key to be made, or taken over.
type SigningKeyInput struct {
	Selector   string        `json:"selector,omitempty" maxLength:"255" doc:"Name below the domain to publish it at; chosen if absent." example:"news-2026"`
	PrivateKey secret.String `json:"private_key,omitempty" writeOnly:"true" maxLength:"16384" doc:"A private key that exists already, in PEM form, RSA of 1024 to 4096 bits or Ed25519; one of RSA with 2048 bits is made if absent. Where neither it nor selector is given, and another channel of the account signs for the same domain, that channel's key is taken."`
}

type addSigningKey struct {
	ByID
	Body *SigningKeyInput
}

type removeSigningKey struct {
	ByID
	Selector string `path:"selector" maxLength:"255"`
	Force    bool   `query:"force" doc:"Also the key that mail is signed with now: it goes without a signature then."`
}

func domainView(check channels.DomainCheck) SendingDomain {
	view := SendingDomain{Domain: check.Sender.Domain, Server: check.Sender.Host, Keys: []SigningKey{}, Records: []DNSRecord{}}
	now, signs := providers.Signing(check.Keys, check.Sender.Domain)
	for _, k := range check.Keys {
		state := "waiting"
		switch {
		case signs && k.Selector == now.Selector:
			state = "signing"
		case !k.SignsSince.IsZero():
			state = "replaced"
		}
		view.Keys = append(view.Keys, SigningKey{Selector: k.Selector, State: state, CreatedAt: k.CreatedAt, CreatedBy: k.CreatedBy, SignsSince: known(k.SignsSince)})
	}
	for _, r := range check.Records {
		view.Records = append(view.Records, recordView(r))
	}
	return view
}

func recordView(r domains.Record) DNSRecord {
	return DNSRecord{
		Purpose: string(r.Purpose), Type: r.Type, Name: r.Name, Value: r.Value, Required: r.Required, Selector: r.Selector, State: string(r.State),
		Problem: string(r.Problem), Detail: r.Detail, Found: r.Found,
	}
}

func domainOut(check channels.DomainCheck, err error) (*one[SendingDomain], error) {
	if err != nil {
		return nil, err
	}
	return &one[SendingDomain]{domainView(check)}, nil
}

func (s *Server) domainRoutes() {
	const path, tag = "/v1/channels/{id}", "channels"
	register(s, operation{id: "get-channel-domain", method: http.MethodGet, path: path + "/domain", tag: tag, roles: mayWatch, bound: true,
		doc: "Show what a channel's sender domain is to publish",
		more: "The records by which mailbox providers tell mail of the domain from mail that pretends to be, to be published at whoever keeps its DNS. Nobody " +
			"looks them up: POST /v1/channels/{id}/domain/check does. A channel that sends no e-mail has none: 422."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[SendingDomain], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			return domainOut(s.Channels.Domain(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "check-channel-domain", method: http.MethodPost, path: path + "/domain/check", tag: tag, roles: mayEdit, bound: true,
		doc: "Look up what a channel's sender domain publishes",
		more: "Takes ten seconds at most; what can't be looked up by then is unknown. A signing key whose record is found signs from then on, in place of the one " +
			"before."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[SendingDomain], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			return domainOut(s.Channels.CheckDomain(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "add-signing-key", method: http.MethodPost, path: path + "/signing-keys", tag: tag, status: http.StatusCreated, roles: mayAdmin,
		doc: "Have a channel sign its mail (DKIM)",
		more: "Makes a key, or takes one over, and says which record to publish. Mail is signed with it from when a check finds the record; until then it goes as " +
			"before, signed by the key of before where there is one."},
		func(ctx context.Context, caller access.Caller, in *addSigningKey) (*one[SendingDomain], error) {
			key := channels.NewKey{AccountID: caller.AccountID, ChannelID: in.ID, By: caller.Actor()}
			if in.Body != nil {
				key.Selector, key.Private = in.Body.Selector, in.Body.PrivateKey
			}
			return domainOut(s.Channels.AddKey(ctx, key))
		})
	register(s, operation{id: "remove-signing-key", method: http.MethodDelete, path: path + "/signing-keys/{selector}", tag: tag, status: http.StatusNoContent,
		roles: mayAdmin, doc: "Forget a signing key",
		more: "The key that mail is signed with is removed with force alone. Leave the record of a key published for a week after it signed last: mail that waits " +
			"at a server is checked late."},
		func(ctx context.Context, caller access.Caller, in *removeSigningKey) (*struct{}, error) {
			return nil, s.Channels.RemoveKey(ctx, caller.AccountID, in.ID, in.Selector, in.Force)
		})
}
