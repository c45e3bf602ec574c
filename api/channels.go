package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/channels"
	"carillon/messages"
	"carillon/providers"
)

// Channel is a channel as the API shows it; secrets in config are masked.
type Channel struct {
	ID           int64                    `json:"id"`
	Name         string                   `json:"name"`
	Provider     string                   `json:"provider"`
	Handle       string                   `json:"handle,omitempty" doc:"What programs know it by for ever, whatever becomes of its settings: its sender where it has one, else its id. XMS's clients call it channelId."`
	Config       map[string]any           `json:"config" doc:"The provider's settings; secrets are masked."`
	Secrets      map[string]SecretSetting `json:"secrets" doc:"When each of the secrets in config was set last and by whom, by the name of its setting; those of headers as headers.Authorization."`
	Address      string                   `json:"address" doc:"Kind of address that the channel delivers to."`
	Limits       providers.Limits         `json:"limits"`
	Timezone     string                   `json:"timezone"`
	SenderDomain string                   `json:"sender_domain,omitempty" doc:"Domain that its mail comes from; GET /v1/channels/{id}/domain says what it is to publish. Absent where it sends none."`
	InDoubt      string                   `json:"in_doubt" doc:"What becomes of messages whose worker died while it asked the provider: hold, resend, or empty for hold in campaigns and resend otherwise."`
	QuietHours   *providers.QuietHours    `json:"quiet_hours,omitempty" doc:"When campaigns write to nobody, on the recipient's own clock; absent for none."`
	SilentOptOut bool                     `json:"silent_opt_out" doc:"Who opts out by a reply gets no confirmation."`
	Status       string                   `json:"status" enum:"active,paused,stopped"`
	StatusReason string                   `json:"status_reason,omitempty"`
	StatusSince  *time.Time               `json:"status_since,omitempty"`
	Health       ProviderHealth           `json:"health"`
	WarmUp       *Warmth                  `json:"warm_up,omitempty" doc:"Where limits.warm_up stands; absent without one."`
	Requests     int                      `json:"requests,omitempty" doc:"How many requests all workers together have under way at the provider at most, at the moment; absent where none serves the channel. With limits.concurrency at auto it is what they have found to be worth while."`
	Pace         *QueuePace               `json:"pace,omitempty" doc:"How fast it sends now, how fast it may beside limits.per_second, why no faster, and until when; said of one channel, and absent in lists, where GET /v1/queue says it."`
	Standstill   *Standstill              `json:"standstill,omitempty" doc:"Why nothing goes out on it; absent while something can."`
	CreatedAt    time.Time                `json:"created_at"`
	UpdatedAt    time.Time                `json:"updated_at"`
}

// Warmth is where a channel's warm-up stands.
type Warmth struct {
	Domain    string     `json:"domain,omitempty" doc:"Domain of the sender, of which it is; another one begins anew."`
	Allowance int        `json:"allowance" doc:"Most different addresses in a moving 24 hours, now."`
	Since     *time.Time `json:"since,omitempty" doc:"When the present day of the warm-up began; absent before the first message."`
	GrowsAt   *time.Time `json:"grows_at,omitempty" doc:"When it grows at the earliest: a day after since, if half of what the day allows was used by then."`
	Ahead     []int      `json:"ahead" doc:"What the next days allow if each is made use of and nothing goes wrong, until the ceiling; the first 60."`
	Slowed    string     `json:"slowed,omitempty" doc:"Why it was lowered; absent once it grows again."`
}

func warmUpView(c providers.Channel) *Warmth {
	at := c.Warmth
	if at == nil {
		return nil
	}
	view := &Warmth{
		Domain: at.Domain, Allowance: at.Allowance, Since: known(at.Since), Slowed: at.Slowed, Ahead: c.Limits.WarmUp.Ahead(*at, 61)[1:],
	}
	if grows := c.Limits.WarmUp.GrowsAt(*at); !grows.IsZero() {
		view.GrowsAt = &grows
	}
	return view
}

// ProviderHealth is how it stands with a channel's provider now.
type ProviderHealth struct {
	State     string     `json:"state" enum:"ok,degraded,held,stopped" doc:"degraded: the provider does not work, and is tried with one message at a time; held: it wants nothing for a while; stopped: nothing is sent until the channel is resumed. A success ends it, and a changed configuration or resuming begins anew."`
	Reason    string     `json:"reason,omitempty" doc:"What is the matter, in words."`
	Since     *time.Time `json:"since,omitempty"`
	NextTryAt *time.Time `json:"next_try_at,omitempty" doc:"When the provider is asked again. Until then the channel's messages are pending."`
}

func healthView(h providers.Health) ProviderHealth {
	return ProviderHealth{State: string(h.State), Reason: h.Reason, Since: known(h.Since), NextTryAt: known(h.NextTry)}
}

// known is a time, or nothing if it is zero.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (c Channel) identity() int64 { return c.ID }

// ChannelInput is what a new channel is made of.
type ChannelInput struct {
	Name         string                `json:"name" minLength:"1" maxLength:"200"`
	Provider     string                `json:"provider" doc:"GET /v1/providers lists them."`
	Config       map[string]any        `json:"config,omitempty" doc:"The provider's settings; GET /v1/providers has their JSON Schema."`
	Limits       providers.Limits      `json:"limits,omitempty"`
	Timezone     string                `json:"timezone,omitempty" doc:"IANA name; UTC if absent." example:"Europe/Berlin"`
	InDoubt      string                `json:"in_doubt,omitempty" enum:",hold,resend"`
	QuietHours   *providers.QuietHours `json:"quiet_hours,omitempty" doc:"When campaigns write to nobody, on the recipient's own clock; what comes then waits."`
	SilentOptOut bool                  `json:"silent_opt_out,omitempty" doc:"Who opts out by a reply gets no confirmation; one without marketing if absent."`
}

// ChannelChange is what to change of a channel; what is absent stays.
type ChannelChange struct {
	Name         *string           `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Config       map[string]any    `json:"config,omitempty" doc:"Replaces the settings; secrets that are left out, or sent back masked, stay, unless a setting changes that says where they go: then they are needed anew."`
	Overlap      int64             `json:"overlap_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"For how many seconds requests of the provider to /hooks/{channel_id} are taken with what the hook's secret was before, too, where config has another: the settings with x-overlap in GET /v1/providers. 0, if absent, has it be taken no more."`
	Limits       *providers.Limits `json:"limits,omitempty" doc:"Replaces the limits as a whole; takes effect at once."`
	Timezone     *string           `json:"timezone,omitempty"`
	InDoubt      *string           `json:"in_doubt,omitempty" enum:",hold,resend"`
	QuietHours   *QuietHoursChange `json:"quiet_hours,omitempty" doc:"When campaigns write to nobody, on the recipient's own clock; {} takes them away. Takes effect at once, also for campaigns that are under way."`
	SilentOptOut *bool             `json:"silent_opt_out,omitempty"`
}

// Recipient is an address to send a test to.
type Recipient struct {
	To        string `json:"to,omitempty" doc:"Address of the channel's kind." maxLength:"320"`
	ContactID int64  `json:"contact_id,omitempty" minimum:"1" doc:"Instead of to: a contact."`
}

// into changes a channel.
func (in *ChannelChange) into(c *providers.Channel) (err error) {
	set(&c.Name, in.Name)
	if in.Config != nil {
		if c.Config, err = encodeConfig(in.Config); err != nil {
			return err
		}
	}
	set(&c.Limits, in.Limits)
	set(&c.Timezone, in.Timezone)
	set((*string)(&c.InDoubt), in.InDoubt)
	in.QuietHours.into(&c.QuietHours)
	set(&c.SilentOptOut, in.SilentOptOut)
	return nil
}

type createChannel struct{ Body ChannelInput }

type changeChannel struct {
	ByID
	Body ChannelChange
}

type testChannel struct {
	ByID
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"320" doc:"Address to send the test to."`
	}
}

// channelView shows a channel to a caller; addresses whole only to those who may
// change them.
func (s *Server) channelView(caller access.Caller, c providers.Channel) (Channel, error) {
	public, err := s.Providers.Public(c.Provider, c.Config, mayAdmin.Allows(caller.Role))
	if err != nil {
		return Channel{}, err
	}
	view := Channel{
		ID: c.ID, Name: c.Name, Provider: c.Provider, Handle: c.Handle, Config: map[string]any{}, Address: string(c.Address), Limits: c.Limits, Timezone: c.Timezone,
		InDoubt: string(c.InDoubt), QuietHours: c.QuietHours, SilentOptOut: c.SilentOptOut, Status: string(c.Status), StatusReason: c.StatusReason,
		StatusSince: known(c.StatusSince), Health: healthView(c.Health), WarmUp: warmUpView(c),
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if err := json.Unmarshal(public, &view.Config); err != nil {
		return Channel{}, fmt.Errorf("read public configuration of channel %d: %w", c.ID, err)
	}
	if view.SenderDomain, err = channels.MailDomain(s.Providers, c); err != nil {
		return Channel{}, err
	}
	x, err := s.Providers.Exchange(c.Provider, nil, c.Config)
	if err != nil {
		return Channel{}, err
	}
	view.Secrets = secretViews(slices.Collect(maps.Keys(x.After)), c.SecretsSet)
	for name, was := range c.Replaced {
		setting := view.Secrets[name]
		setting.Replaced = &ReplacedSecret{EndsAt: timestamp(&was.EndsAt)}
		view.Secrets[name] = setting
	}
	return view, nil
}

// channelViews are channels with what holds them.
func (s *Server) channelViews(ctx context.Context, caller access.Caller, list []providers.Channel) ([]Channel, error) {
	now, err := s.Campaigns.ChannelsNow(ctx, list)
	if err != nil {
		return nil, err
	}
	views := make([]Channel, len(list))
	for i, c := range list {
		if views[i], err = s.channelView(caller, c); err != nil {
			return nil, err
		}
		views[i].Standstill, views[i].Requests = standstillView(now[i].Still), now[i].Requests
	}
	return views, nil
}

// channelOut answers with a channel.
func (s *Server) channelOut(ctx context.Context, caller access.Caller, c providers.Channel, err error) (*one[Channel], error) {
	if err != nil {
		return nil, err
	}
	views, err := s.channelViews(ctx, caller, []providers.Channel{c})
	if err != nil {
		return nil, err
	}
	pace, err := s.Campaigns.PaceOf(ctx, c)
	if err != nil {
		return nil, err
	}
	view := paceView(pace)
	views[0].Pace = &view
	return &one[Channel]{views[0]}, nil
}

// concurrency is the schema of providers.Concurrency.
type concurrency struct{}

// Schema is a number, or auto.
func (concurrency) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeInteger, Minimum: new(float64(0)), Maximum: new(float64(providers.MaxConcurrency))},
		{Type: huma.TypeString, Enum: []any{providers.Auto.String()}},
	}}
}

func encodeConfig(config map[string]any) (json.RawMessage, error) {
	if config == nil {
		return json.RawMessage("{}"), nil
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	return raw, nil
}

func (s *Server) channelRoutes() {
	const path, tag = "/v1/channels", "channels"
	register(s, operation{id: "list-channels", method: http.MethodGet, path: path, tag: tag, doc: "List channels", roles: mayWatch, bound: true},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Channel], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Channels.List(ctx, caller.AccountID, after, in.Limit+1)
			if caller.ChannelID != 0 {
				var own providers.Channel
				own, err = s.Channels.Get(ctx, caller.AccountID, caller.ChannelID)
				list = []providers.Channel{own}
			}
			if err != nil {
				return nil, err
			}
			views, err := s.channelViews(ctx, caller, list)
			if err != nil {
				return nil, err
			}
			return page(views, in.Limit, func(c Channel) Channel { return c }, func(c Channel) string { return idKey(c.ID) }), nil
		})
	register(s, operation{id: "create-channel", method: http.MethodPost, path: path, tag: tag, doc: "Create a channel", status: http.StatusCreated,
		roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *createChannel) (*one[Channel], error) {
			config, err := encodeConfig(in.Body.Config)
			if err != nil {
				return nil, err
			}
			c, err := s.Channels.Create(ctx, providers.Channel{
				AccountID: caller.AccountID, Name: in.Body.Name, Provider: in.Body.Provider, Config: config, Limits: in.Body.Limits,
				Timezone: in.Body.Timezone, InDoubt: providers.InDoubtPolicy(in.Body.InDoubt), QuietHours: in.Body.QuietHours,
				SilentOptOut: in.Body.SilentOptOut,
			}, caller.Actor())
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "get-channel", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a channel", roles: mayWatch, bound: true},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Channel], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			c, err := s.Channels.Get(ctx, caller.AccountID, in.ID)
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "update-channel", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a channel", roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *changeChannel) (*one[Channel], error) {
			change := channels.Change{
				AccountID: caller.AccountID, ID: in.ID, By: caller.Actor(), Overlap: time.Duration(in.Body.Overlap) * time.Second,
			}
			c, err := s.Channels.Update(ctx, change, in.Body.into)
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "end-overlap-of-channel", method: http.MethodPost, path: path + "/{id}/end-overlap", tag: tag, roles: mayAdmin,
		doc: "Take what a channel's hook secret was before no more",
		more: "Ends an overlap before its time, such as of a secret that has leaked: within two seconds requests to /hooks/{channel_id} are taken with the present " +
			"one alone. A channel without an overlap stays as it is."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Channel], error) {
			c, err := s.Channels.EndOverlap(ctx, caller.AccountID, in.ID)
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "delete-channel", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a channel",
		status: http.StatusNoContent, roles: mayAdmin,
		more: "A channel that something is still sent through can't be deleted: cancel its campaigns and clear its queue first."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Channels.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "pause-channel", method: http.MethodPost, path: path + "/{id}/pause", tag: tag, doc: "Pause a channel", roles: mayEdit, bound: true,
		more: "Binds at once: nothing is handed to the provider after the answer, transactional messages included. What is waiting stays."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Channel], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			c, err := s.Channels.Pause(ctx, caller.AccountID, in.ID, caller.Actor())
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "resume-channel", method: http.MethodPost, path: path + "/{id}/resume", tag: tag, doc: "Resume a channel", roles: mayEdit,
		bound: true},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Channel], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			c, err := s.Channels.Resume(ctx, caller.AccountID, in.ID, caller.Actor())
			return s.channelOut(ctx, caller, c, err)
		})
	register(s, operation{id: "test-channel", method: http.MethodPost, path: path + "/{id}/test", tag: tag, doc: "Send a test message through a channel",
		status: http.StatusAccepted, roles: mayEdit, bound: true},
		func(ctx context.Context, caller access.Caller, in *testChannel) (*one[Message], error) {
			if err := within(caller, &in.ID); err != nil {
				return nil, err
			}
			return messageOut(s.Messages.TestChannel(ctx, caller.AccountID, in.ID, in.Body.To))
		})
	s.domainRoutes()
	s.askingRoutes()
	s.importRoutes()
	s.providerRoutes()
}

// messageOut answers with a message.
func messageOut(m messages.Message, err error) (*one[Message], error) {
	if err != nil {
		return nil, err
	}
	return &one[Message]{messageView(m)}, nil
}
