package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/internal/naming"
)

// FrequencyCap bounds how many messages of campaigns one contact is sent.
type FrequencyCap struct {
	ID            int64     `json:"id"`
	CategoryID    int64     `json:"category_id,omitempty"`
	Priority      string    `json:"priority,omitempty"`
	MaxMessages   int       `json:"max_messages"`
	WindowSeconds int64     `json:"window_seconds"`
	Action        string    `json:"action" enum:"defer,skip"`
	CreatedAt     time.Time `json:"created_at"`
}

func (c FrequencyCap) identity() int64 { return c.ID }

// FrequencyCapInput is what a frequency cap is made of.
type FrequencyCapInput struct {
	Category      naming.Ref `json:"category,omitzero" kind:"category" doc:"Instead of category_id: the category, by its id or its name."`
	CategoryID    int64      `json:"category_id,omitempty" minimum:"1" doc:"Only campaigns of this category count; every campaign of the account if absent."`
	Priority      string     `json:"priority,omitempty" enum:",bulk" doc:"bulk; every priority if absent. Transactional messages are outside of caps."`
	MaxMessages   int        `json:"max_messages" minimum:"1" maximum:"1000" doc:"Most messages to one contact in any window."`
	WindowSeconds int64      `json:"window_seconds" minimum:"1" maximum:"31622400" doc:"Length of the rolling window; at most a year." example:"604800"`
	Action        string     `json:"action,omitempty" enum:",defer,skip" doc:"defer, if absent: what is too much waits until there is room. skip: its recipient is left out."`
}

// FrequencyCapChange is what to change of a frequency cap; what is absent stays.
type FrequencyCapChange struct {
	MaxMessages *int    `json:"max_messages,omitempty" minimum:"1" maximum:"1000"`
	Action      *string `json:"action,omitempty" enum:"defer,skip"`
}

type setCap struct{ Body FrequencyCapInput }

type changeCap struct {
	ByID
	Body FrequencyCapChange
}

func capView(c contacts.FrequencyCap) FrequencyCap {
	return FrequencyCap{
		ID: c.ID, CategoryID: c.CategoryID, Priority: c.Priority, MaxMessages: c.MaxMessages, WindowSeconds: int64(c.Window / time.Second),
		Action: string(c.Action), CreatedAt: c.CreatedAt,
	}
}

func capOut(c contacts.FrequencyCap, err error) (*one[FrequencyCap], error) {
	if err != nil {
		return nil, err
	}
	return &one[FrequencyCap]{capView(c)}, nil
}

func (s *Server) capRoutes() {
	const path, tag = "/v1/frequency-caps", "frequency-caps"
	register(s, operation{id: "list-frequency-caps", method: http.MethodGet, path: path, tag: tag, doc: "List frequency caps", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[FrequencyCap], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Caps.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, capView, func(c contacts.FrequencyCap) string { return idKey(c.ID) }), nil
		})
	register(s, operation{id: "set-frequency-cap", method: http.MethodPost, path: path, tag: tag, doc: "Set a frequency cap", roles: mayEdit,
		more: "Takes the place of one of the same category, priority and window. Binds for everything that is fed from then on, in campaigns that run, too."},
		func(ctx context.Context, caller access.Caller, in *setCap) (*one[FrequencyCap], error) {
			b := in.Body
			return capOut(s.Caps.Set(ctx, contacts.FrequencyCap{
				AccountID: caller.AccountID, CategoryID: b.CategoryID, Priority: b.Priority, MaxMessages: b.MaxMessages,
				Window: time.Duration(b.WindowSeconds) * time.Second, Action: contacts.CapAction(b.Action),
			}))
		})
	register(s, operation{id: "get-frequency-cap", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a frequency cap", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[FrequencyCap], error) {
			return capOut(s.Caps.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-frequency-cap", method: http.MethodPatch, path: path + "/{id}", tag: tag,
		doc: "Change how many a frequency cap allows, and what becomes of the others", roles: mayEdit},
		func(ctx context.Context, caller access.Caller, in *changeCap) (*one[FrequencyCap], error) {
			c, err := s.Caps.Get(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			if in.Body.MaxMessages != nil {
				c.MaxMessages = *in.Body.MaxMessages
			}
			if in.Body.Action != nil {
				c.Action = contacts.CapAction(*in.Body.Action)
			}
			return capOut(s.Caps.Set(ctx, c))
		})
	register(s, operation{id: "delete-frequency-cap", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Take a frequency cap away",
		status: http.StatusNoContent, roles: mayEdit,
		more: "What waits because of it goes when its time comes."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Caps.Delete(ctx, caller.AccountID, in.ID)
		})
}
