package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"carillon/internal/access"
	"carillon/internal/fault"
	"carillon/providers"
	"carillon/targeting"
)

// Suppression is an address that is not written to.
type Suppression struct {
	Kind      string     `json:"kind" enum:"email,phone"`
	Address   string     `json:"address"`
	Reason    string     `json:"reason,omitempty"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

// SuppressionInput is an address never to write to.
type SuppressionInput struct {
	Kind    string `json:"kind" enum:"email,phone"`
	Address string `json:"address" minLength:"1" maxLength:"320"`
	Reason  string `json:"reason,omitempty" maxLength:"200" doc:"unsubscribed if absent: campaigns skip the address, transactional messages still reach it. Any other reason keeps everything away."`
}

type addSuppression struct{ Body SuppressionInput }

type removeSuppression struct {
	Kind    string `query:"kind" enum:"email,phone" required:"true"`
	Address string `query:"address" required:"true" maxLength:"320"`
}

func suppressionView(p targeting.Suppression) Suppression {
	return Suppression{Kind: string(p.Kind), Address: p.Address, Reason: p.Reason, CreatedAt: timestamp(&p.CreatedAt)}
}

func (s *Server) suppressionRoutes() {
	const path, tag = "/v1/suppressions", "suppressions"
	register(s, operation{id: "list-suppressions", method: http.MethodGet, path: path, tag: tag, doc: "List addresses never to write to", roles: mayLook},
		func(ctx context.Context, caller access.Key, in *Paged) (*pageOut[Suppression], error) {
			var after targeting.Suppression
			if in.Cursor != "" {
				place, err := in.text()
				kind, address, ok := strings.Cut(place, "\x00")
				if err != nil || !ok {
					return nil, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
				}
				after.Kind, after.Address = providers.AddressKind(kind), address
			}
			list, err := s.Store.ListSuppressions(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, suppressionView, func(p targeting.Suppression) string { return string(p.Kind) + "\x00" + p.Address }), nil
		})
	register(s, operation{id: "add-suppression", method: http.MethodPost, path: path, tag: tag, doc: "Never write to an address again", status: http.StatusCreated, roles: mayEdit,
		more: "Binds at once, for what is waiting too. An address that is suppressed already keeps its first reason."},
		func(ctx context.Context, caller access.Key, in *addSuppression) (*one[Suppression], error) {
			p := targeting.Suppression{AccountID: caller.AccountID, Kind: providers.AddressKind(in.Body.Kind), Reason: in.Body.Reason}
			if p.Reason == "" {
				p.Reason = unsubscribed
			}
			var err error
			if p.Address, err = targeting.NormalAddress(p.Kind, in.Body.Address, ""); err != nil {
				return nil, relocate(err, in.Body.Kind, "address")
			}
			if _, err := s.Store.AddSuppression(ctx, p); err != nil {
				return nil, err
			}
			return &one[Suppression]{suppressionView(p)}, nil
		})
	register(s, operation{id: "remove-suppression", method: http.MethodDelete, path: path, tag: tag, doc: "Let an address be written to again", status: http.StatusNoContent, roles: mayEdit},
		func(ctx context.Context, caller access.Key, in *removeSuppression) (*struct{}, error) {
			kind := providers.AddressKind(in.Kind)
			address, err := targeting.NormalAddress(kind, in.Address, "")
			if err != nil {
				return nil, relocate(err, in.Kind, "address")
			}
			return nil, s.Store.RemoveSuppression(ctx, caller.AccountID, kind, address)
		})
}
