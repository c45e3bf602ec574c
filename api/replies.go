package api

import (
	"context"
	"net/http"
	"time"

	"carillon/access"
	"carillon/contacts"
	"carillon/contacts/reply"
	"carillon/internal/naming"
	"carillon/providers"
)

// Reply is something that a person wrote to a channel.
type Reply struct {
	ID        int64  `json:"id"`
	ChannelID int64  `json:"channel_id"`
	ContactID int64  `json:"contact_id,omitempty"`
	Kind      string `json:"kind"`
	Address   string `json:"address" personal:"addresses"`
	Text      string `json:"text" personal:"texts"`
	Type      string `json:"type" enum:"text,button,choice,location,media" doc:"In which way they replied: that part says more. What is text has words alone."`
	providers.ReplyParts
	Meaning    string     `json:"meaning" enum:"opt_out,opt_in,help,near,other" doc:"near: nearly a word to opt out or in; a person has to read it."`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	At         time.Time  `json:"at"`
}

func (r Reply) identity() int64 { return r.ID }

// Review says what a reply means.
type Review struct {
	Meaning string `json:"meaning" enum:"opt_out,opt_in,help,other" doc:"What the person meant; it is carried out."`
}

type reviewReply struct {
	ByID
	Body Review
}

type listReplies struct {
	Paged
	Review    bool       `query:"review" doc:"Only those that wait for a person to read them."`
	Meaning   string     `query:"meaning" enum:"opt_out,opt_in,help,near,other"`
	ContactID int64      `query:"contact_id" minimum:"1"`
	ChannelID naming.Ref `query:"channel_id" kind:"channel" doc:"Only those to this channel, by its id or its name."`
}

func replyView(r contacts.Reply) Reply {
	return Reply{
		ID: r.ID, ChannelID: r.ChannelID, ContactID: r.ContactID, Kind: string(r.Kind), Address: r.Address, Text: r.Text,
		Type: string(r.Type), ReplyParts: r.Parts, Meaning: string(r.Meaning),
		ReviewedAt: timestamp(r.ReviewedAt), At: r.At,
	}
}

func (s *Server) replyRoutes() {
	const path, tag = "/v1/replies", "replies"
	register(s, operation{reads: readsPeople, id: "list-replies", method: http.MethodGet, path: path, tag: tag, doc: "List what people wrote, newest first",
		roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *listReplies) (*pageOut[Reply], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Replies.List(ctx, contacts.ReplyFilter{
				AccountID: caller.AccountID, ContactID: in.ContactID, ChannelID: in.ChannelID.ID, Meaning: reply.Meaning(in.Meaning), Review: in.Review,
				Before: before, Limit: in.Limit + 1,
			})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, replyView, func(r contacts.Reply) string { return idKey(r.ID) }), nil
		})
	register(s, operation{id: "review-reply", method: http.MethodPost, path: path + "/{id}/review", tag: tag, doc: "Say what a reply means", roles: mayEdit,
		more: "Only a reply that is near a word waits for it. What it means is carried out: who opts out is suppressed at once."},
		func(ctx context.Context, caller access.Caller, in *reviewReply) (*one[Reply], error) {
			r, err := s.Replies.Review(ctx, caller.AccountID, in.ID, in.Body.Meaning, caller.Actor())
			if err != nil {
				return nil, err
			}
			return &one[Reply]{replyView(r)}, nil
		})
}
