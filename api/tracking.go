package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"carillon/access"
	"carillon/tracking"
)

// Engagement is what was done with messages, apart by persons and machines.
type Engagement struct {
	Opened        int64 `json:"opened" doc:"Messages that a person opened."`
	Opens         int64 `json:"opens" doc:"How often persons opened them."`
	MachineOpens  int64 `json:"machine_opens" doc:"Pictures that programs loaded, such as Apple's mail privacy."`
	Clicked       int64 `json:"clicked" doc:"Messages in which a person clicked a link."`
	Clicks        int64 `json:"clicks" doc:"How often persons clicked."`
	MachineClicks int64 `json:"machine_clicks" doc:"Links that programs followed, such as mail gateways."`
}

func engagementView(c tracking.Counts) *Engagement {
	if !c.Any() {
		return nil
	}
	return &Engagement{c.Opened, c.Opens, c.MachineOpens, c.Clicked, c.Clicks, c.MachineClicks}
}

func trackingView(t tracking.Settings) *tracking.Settings {
	if t.IsZero() {
		return nil
	}
	return &t
}

func trackingOf(t *tracking.Settings) tracking.Settings {
	if t == nil {
		return tracking.Settings{}
	}
	return *t
}

// RunLinks are the links of a run.
type RunLinks struct {
	Items []RunLink `json:"items"`
}

// RunLink is a link of a run, in one of its variants.
type RunLink struct {
	Number        int    `json:"number" doc:"The link's number within the run; 0 for all that are told apart by no address, such as those that a loop writes."`
	URL           string `json:"url" doc:"As it stands in the content, without the parameters; … stands for what is each recipient's own. Empty for number 0."`
	Variant       string `json:"variant,omitempty"`
	People        int64  `json:"people" doc:"Recipients who clicked it."`
	Clicks        int64  `json:"clicks" doc:"How often they did."`
	MachineClicks int64  `json:"machine_clicks" doc:"How often programs followed it."`
}

// MessageEngagement is what was done with one message.
type MessageEngagement struct {
	OpenedAt      *time.Time        `json:"opened_at,omitempty" doc:"When a person opened it first."`
	ClickedAt     *time.Time        `json:"clicked_at,omitempty" doc:"When a person first clicked a link."`
	Opens         int               `json:"opens"`
	Clicks        int               `json:"clicks"`
	MachineOpens  int               `json:"machine_opens"`
	MachineClicks int               `json:"machine_clicks"`
	Events        []EngagementEvent `json:"events" doc:"The first 50 clicks and opens."`
}

// EngagementEvent is a click or an open.
type EngagementEvent struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind" enum:"open,click"`
	Number int       `json:"number,omitempty" doc:"The link's number within the run."`
	URL    string    `json:"url,omitempty" personal:"texts"`
	Why    string    `json:"why,omitempty" enum:"head,prefetch,scanner,no_agent,apple_privacy,gmail_prefetch,burst,all_links" doc:"Why it is no person's; absent if it is one's."`
}

// messageEngagement shows what was done with a message; nil if nothing was.
func (s *Server) messageEngagement(ctx context.Context, messageID int64) (*MessageEngagement, error) {
	e, events, err := s.Campaigns.Engagement(ctx, messageID)
	if err != nil || e.Opens+e.Clicks+e.MachineOpens+e.MachineClicks == 0 {
		return nil, err
	}
	view := &MessageEngagement{
		OpenedAt: timestamp(&e.OpenedAt), ClickedAt: timestamp(&e.ClickedAt), Opens: e.Opens, Clicks: e.Clicks,
		MachineOpens: e.MachineOpens, MachineClicks: e.MachineClicks, Events: []EngagementEvent{},
	}
	for _, k := range events {
		kind := "click"
		if k.Open {
			kind = "open"
		}
		view.Events = append(view.Events, EngagementEvent{k.At.UTC(), kind, k.Number, tracking.Shown(k.Address), string(k.Why)})
	}
	return view, nil
}

// picture is a transparent GIF of one pixel.
const picture = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func (s *Server) trackingRoutes() {
	register(s, operation{id: "get-run-links", method: http.MethodGet, path: "/v1/runs/{id}/links", tag: "runs",
		doc: "What was done with the links of a run", roles: mayLook,
		more: "Each link of its content by variant, with those that nobody has clicked; empty if its links are not tracked, or nothing was sent yet."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[RunLinks], error) {
			list, err := s.Campaigns.RunLinks(ctx, caller.AccountID, in.ID)
			if err != nil {
				return nil, err
			}
			out := &one[RunLinks]{RunLinks{Items: []RunLink{}}}
			for _, l := range list {
				out.Body.Items = append(out.Body.Items, RunLink{l.Number, tracking.Shown(l.Address), l.VariantName, l.People, l.Clicks, l.Machine})
			}
			return out, nil
		})
	s.mux.public("GET /c/{token}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Robots-Tag", "noindex")
		target, err := s.Tracking.Click(r.Context(), r.PathValue("token"), asked(r))
		if err != nil {
			s.failRecipient(w, r, err)
			return
		}
		w.Header().Set("Location", tracking.Location(target))
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusFound)
	})
	s.mux.public("GET /o/{file}", func(w http.ResponseWriter, r *http.Request) {
		token, isPicture := strings.CutSuffix(r.PathValue("file"), ".gif")
		status := http.StatusOK
		if err := s.Tracking.Opened(r.Context(), token, asked(r)); err != nil || !isPicture {
			status = http.StatusNotFound // with the picture all the same: a reader shows no gap
		}
		w.Header().Set("Content-Type", "image/gif")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(picture))
	})
}

// asked is what tells a person's request from a machine's.
func asked(r *http.Request) tracking.Request {
	request := tracking.Request{Head: r.Method == http.MethodHead, Agent: r.UserAgent()}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if value := r.Header.Get(name); value != "" {
			request.Purposes = append(request.Purposes, value)
		}
	}
	return request
}
