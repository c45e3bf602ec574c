package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/naming"
	"carillon/providers"
)

// Consent is one opt-in or opt-out, as it was given.
type Consent struct {
	ID         int64     `json:"id"`
	ContactID  int64     `json:"contact_id,omitempty"`
	Action     string    `json:"action" enum:"opt_in,opt_out"`
	Kind       string    `json:"kind,omitempty" doc:"Kind of the address that it is for; the contact as a whole if absent."`
	Address    string    `json:"address,omitempty" personal:"addresses"`
	CategoryID int64     `json:"category_id,omitempty" doc:"The category that it is for; everything if absent."`
	Source     string    `json:"source" doc:"api, import, reply, unsubscribe_link, bounce, complaint, provider, review, or a word of the caller's."`
	Wording    string    `json:"wording,omitempty" personal:"texts" doc:"What the person was shown, or why it was done."`
	Proof      string    `json:"proof,omitempty" personal:"texts"`
	Lifted     string    `json:"lifted,omitempty" doc:"Reasons of the suppressions that were lifted by force."`
	Actor      string    `json:"actor"`
	At         time.Time `json:"at"`
}

// ConsentInput says what somebody agrees to or does not want any more.
type ConsentInput struct {
	Kind       string     `json:"kind,omitempty" maxLength:"20" doc:"Only this kind of address; the contact as a whole if absent, with every address that it will ever have."`
	Category   naming.Ref `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name."`
	CategoryID int64      `json:"category_id,omitempty" minimum:"1" doc:"Only this category; everything if absent."`
	Source     string     `json:"source,omitempty" maxLength:"50" doc:"Where it comes from, such as web_form; api if absent." example:"web_form"`
	Wording    string     `json:"wording,omitempty" maxLength:"2000" doc:"What the person was shown and agreed to."`
	Proof      string     `json:"proof,omitempty" maxLength:"2000" doc:"What shows that they did, such as the time and address of a confirmation."`
}

// OptOutInput is a ConsentInput of an opt-out.
type OptOutInput struct {
	ConsentInput
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"unsubscribed if absent: campaigns skip the address, transactional messages still reach it. Any other reason keeps everything away."`
}

// OptInInput is a ConsentInput of an opt-in.
type OptInInput struct {
	ConsentInput
	Force bool `json:"force,omitempty" doc:"Lift bounces, complaints and what an operator suppressed, too. It is recorded."`
}

// ConsentResult is what an opt-in or opt-out did.
type ConsentResult struct {
	Consent      Consent       `json:"consent"`
	Changed      bool          `json:"changed" doc:"Something is different now."`
	Suppressions []Suppression `json:"suppressions" doc:"What keeps messages from the contact's addresses now."`
}

type optOut struct {
	ByID
	Body *OptOutInput
}

type optIn struct {
	ByID
	Body *OptInInput
}

func consentView(c contacts.Consent) Consent {
	return Consent{
		ID: c.ID, ContactID: c.ContactID, Action: string(c.Action), Kind: string(c.Kind), Address: c.Address, CategoryID: c.CategoryID,
		Source: c.Source, Wording: c.Wording, Proof: c.Proof, Lifted: c.Lifted, Actor: c.Actor, At: c.At,
	}
}

func consentOut(r contacts.ConsentResult, err error) (*one[ConsentResult], error) {
	if err != nil {
		return nil, err
	}
	out := &one[ConsentResult]{ConsentResult{Consent: consentView(r.Consent), Changed: r.Changed, Suppressions: []Suppression{}}}
	for _, p := range r.Suppressions {
		out.Body.Suppressions = append(out.Body.Suppressions, suppressionView(p))
	}
	return out, nil
}

func (in ConsentInput) change(caller access.Caller, contactID int64) contacts.ConsentChange {
	return contacts.ConsentChange{
		AccountID: caller.AccountID, ContactID: contactID, Kind: providers.AddressKind(in.Kind), CategoryID: in.CategoryID,
		Source: in.Source, Wording: in.Wording, Proof: in.Proof, Actor: caller.Actor(),
	}
}

func (s *Server) consentRoutes() {
	const path, tag = "/v1/contacts/{id}", "contacts"
	register(s, operation{id: "opt-out-contact", method: http.MethodPost, path: path + "/opt-out", tag: tag, doc: "Do not write to a contact any more",
		roles: mayEdit,
		more:  "Binds at once, for what is waiting too, and is recorded with where it comes from."},
		func(ctx context.Context, caller access.Caller, in *optOut) (*one[ConsentResult], error) {
			var wish OptOutInput
			if in.Body != nil {
				wish = *in.Body
			}
			c := wish.change(caller, in.ID)
			c.Reason = wish.Reason
			return consentOut(s.Consents.OptOut(ctx, c))
		})
	register(s, operation{id: "opt-in-contact", method: http.MethodPost, path: path + "/opt-in", tag: tag, doc: "Write to a contact again", roles: mayEdit,
		more: "Brings back what an opt-out took. Bounces, complaints and what an operator suppressed stay, unless force is set."},
		func(ctx context.Context, caller access.Caller, in *optIn) (*one[ConsentResult], error) {
			var wish OptInInput
			if in.Body != nil {
				wish = *in.Body
			}
			c := wish.change(caller, in.ID)
			c.Force = wish.Force
			return consentOut(s.Consents.OptIn(ctx, c))
		})
	register(s, operation{id: "list-contact-consents", method: http.MethodGet, path: path + "/consents", tag: tag,
		doc: "List what a contact agreed to and did not want any more, oldest first", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *struct {
			ByID
			Paged
		}) (*pageOut[Consent], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Consents.List(ctx, caller.AccountID, in.ID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, consentView, func(c contacts.Consent) string { return idKey(c.ID) }), nil
		})
}
