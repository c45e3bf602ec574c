package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/value"
	"carillon/internal/fault"
	"carillon/providers"
)

// importSuppressionsPath takes a file, which is streamed.
const importSuppressionsPath = "/v1/suppressions/import"

// maxSuppressionFile bounds a file of suppressions, in bytes.
const maxSuppressionFile = 64 << 20

// Suppression is an address that is not written to.
type Suppression struct {
	Kind      string     `json:"kind"`
	Address   string     `json:"address" personal:"addresses"`
	Reason    string     `json:"reason,omitempty"`
	OptedOut  bool       `json:"opted_out,omitempty" doc:"The recipient opted out, whatever else the reason says."`
	CreatedAt *time.Time `json:"created_at,omitempty"`
}

// SuppressionInput is an address never to write to.
type SuppressionInput struct {
	Kind    string `json:"kind" minLength:"1" maxLength:"20" doc:"Kind of address: email, phone."`
	Address string `json:"address" minLength:"1" maxLength:"320"`
	Reason  string `json:"reason,omitempty" maxLength:"200" doc:"unsubscribed if absent: campaigns skip the address, transactional messages still reach it. Any other reason keeps everything away."`
}

// SuppressionImport is what an import of suppressions did.
type SuppressionImport struct {
	Rows    int64         `json:"rows" doc:"Lines behind the first."`
	Added   int64         `json:"added"`
	Known   int64         `json:"known" doc:"Were suppressed already."`
	Refused int64         `json:"refused"`
	Errors  []RefusedLine `json:"errors" doc:"The first 1000 of the refused lines."`
}

// RefusedLine is a line of a file that could not be used.
type RefusedLine struct {
	Line   int64  `json:"line"`
	Field  string `json:"field,omitempty"`
	Value  string `json:"value,omitempty" personal:"texts"`
	Reason string `json:"reason"`
}

type addSuppression struct{ Body SuppressionInput }

type removeSuppression struct {
	Kind    string `query:"kind" required:"true" maxLength:"20"`
	Address string `query:"address" required:"true" maxLength:"320"`
	Force   bool   `query:"force" doc:"Lift a bounce or a complaint, too. It is recorded."`
}

type listSuppressions struct {
	Paged
	Kind   string `query:"kind" maxLength:"20" doc:"Only addresses of this kind."`
	Reason string `query:"reason" maxLength:"200" doc:"Only those with this reason."`
	Query  string `query:"q" maxLength:"200" doc:"Occurs in the address."`
}

func suppressionView(p contacts.Suppression) Suppression {
	return Suppression{Kind: string(p.Kind), Address: p.Address, Reason: p.Reason, OptedOut: p.OptedOut, CreatedAt: timestamp(&p.CreatedAt)}
}

func (s *Server) suppressionRoutes() {
	const path, tag = "/v1/suppressions", "suppressions"
	register(s, operation{reads: readsPeople, id: "list-suppressions", method: http.MethodGet, path: path, tag: tag, doc: "List addresses never to write to",
		roles: mayLook}, s.listSuppressions)
	register(s, operation{id: "add-suppression", method: http.MethodPost, path: path, tag: tag, doc: "Never write to an address again",
		status: http.StatusCreated, roles: mayEdit,
		more: "Binds at once, for what is waiting too. An address that is suppressed already keeps its first reason, unless that was unsubscribed."},
		func(ctx context.Context, caller access.Caller, in *addSuppression) (*one[Suppression], error) {
			p := contacts.Suppression{AccountID: caller.AccountID, Kind: providers.AddressKind(in.Body.Kind), Address: in.Body.Address, Reason: in.Body.Reason}
			if p.Reason == "" {
				p.Reason = contacts.Unsubscribed
			}
			if _, err := s.Consents.Suppress(ctx, p, caller.Actor()); err != nil {
				return nil, relocate(err, in.Body.Kind, "address")
			}
			p.Address, _ = value.Normal(p.Kind, p.Address, "")
			return &one[Suppression]{suppressionView(p)}, nil
		})
	register(s, operation{id: "remove-suppression", method: http.MethodDelete, path: path, tag: tag, doc: "Let an address be written to again",
		status: http.StatusNoContent, roles: mayEdit,
		more: "What bounced or complained needs force. Where the recipient opted out as well, that stays: remove it again, or opt the contact in."},
		func(ctx context.Context, caller access.Caller, in *removeSuppression) (*struct{}, error) {
			p := contacts.Suppression{AccountID: caller.AccountID, Kind: providers.AddressKind(in.Kind), Address: in.Address}
			return nil, relocate(s.Consents.Unsuppress(ctx, p, in.Force, caller.Actor()), in.Kind, "address")
		})
	register(s, operation{id: "import-suppressions", method: http.MethodPost, path: importSuppressionsPath, tag: tag,
		doc: "Suppress every address of a CSV file", roles: mayEdit, streamed: true,
		more: "The body is the file, in UTF-8: kind,address,reason by its first line, or a column email or phone instead; hash for addresses that were erased. " +
			"Lines that can't be used are refused with their reason and the others go on."}, s.importSuppressions)
	s.api.OpenAPI().Paths[importSuppressionsPath].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"text/csv": {Schema: &huma.Schema{Type: "string", Format: "binary"}},
	}}
	register(s, operation{reads: readsAll, id: "export-suppressions", method: http.MethodGet, path: path + "/export", tag: tag,
		doc: "Every suppression as CSV", roles: mayEdit,
		more: "Of addresses that were erased there is a hash alone, which only a server with the same master key understands."},
		func(ctx context.Context, caller access.Caller, _ *struct{}) (*huma.StreamResponse, error) {
			hidden, err := s.hidden(ctx, caller)
			if err != nil {
				return nil, err
			}
			return csvBody("suppressions.csv", contacts.SuppressionColumns(), hidden, func(write func(...string) error) error {
				for p, err := range s.Consents.EachSuppression(ctx, caller.AccountID) {
					if err != nil {
						return err
					}
					if err := write(p.Cells()...); err != nil {
						return err
					}
				}
				return nil
			}), nil
		})
}

func (s *Server) listSuppressions(ctx context.Context, caller access.Caller, in *listSuppressions) (*pageOut[Suppression], error) {
	f := contacts.SuppressionFilter{
		AccountID: caller.AccountID, Kind: providers.AddressKind(in.Kind), Reason: in.Reason, Text: in.Query, Limit: in.Limit + 1,
	}
	if in.Cursor != "" {
		place, err := in.text()
		kind, address, ok := strings.Cut(place, "\x00")
		if err != nil || !ok {
			return nil, fault.InvalidField("query.cursor", in.Cursor, "is no cursor of this list: take next_cursor of a page, or none")
		}
		f.AfterKind, f.AfterAddress = providers.AddressKind(kind), address
	}
	list, err := s.Consents.Suppressions(ctx, f)
	if err != nil {
		return nil, err
	}
	return page(list, in.Limit, suppressionView, func(p contacts.Suppression) string { return string(p.Kind) + "\x00" + p.Address }), nil
}

func (s *Server) importSuppressions(ctx context.Context, caller access.Caller, in *importInput) (*one[SuppressionImport], error) {
	if kind, _, err := mime.ParseMediaType(in.contentType); err != nil || kind != "text/csv" {
		return nil, fault.New(fault.Invalid, "send the file itself as text/csv: curl -H 'Content-Type: text/csv' --data-binary @suppressions.csv")
	}
	done, err := s.Consents.Import(ctx, caller.AccountID, &bounded{r: in.body, left: maxSuppressionFile}, caller.Actor())
	if err != nil {
		return nil, in.body.failure(err)
	}
	out := &one[SuppressionImport]{SuppressionImport{Rows: done.Rows, Added: done.Added, Known: done.Known, Refused: done.Refused, Errors: []RefusedLine{}}}
	for _, line := range done.Lines {
		out.Body.Errors = append(out.Body.Errors, RefusedLine{Line: line.Line, Field: line.Field, Value: line.Value, Reason: line.Reason})
	}
	return out, nil
}

// bounded refuses to read more than it may.
type bounded struct {
	r    io.Reader
	left int64
}

// Read reads on.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fault.New(fault.TooLarge, "the file is larger than %d MiB: cut it in pieces, each with the first line", maxSuppressionFile>>20)
	}
	return n, err
}
