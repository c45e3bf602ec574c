package api

import (
	"context"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"carillon/access"
	"carillon/internal/naming"
	"carillon/internal/secret"
	"carillon/webhooks"
)

// WebhookBatch is how events are told together.
type WebhookBatch struct {
	Most     int   `json:"most" minimum:"1" maximum:"1000" doc:"Most events in a request; 1 tells one each."`
	WithinMS int64 `json:"within_ms,omitempty" minimum:"0" maximum:"60000" doc:"How many milliseconds the first waits for others."`
}

// Webhook is a program that is told what happens.
type Webhook struct {
	ID           int64                    `json:"id"`
	URL          string                   `json:"url"`
	Format       string                   `json:"format,omitempty" doc:"The API of others in whose words it is told, and by which it was set; absent for ours."`
	Description  string                   `json:"description,omitempty"`
	Events       []webhooks.Event         `json:"events" doc:"Of what it is told."`
	Channels     []int64                  `json:"channels,omitempty" doc:"Only of what happens on these channels."`
	Campaigns    []int64                  `json:"campaigns,omitempty" doc:"Only of what happens in these campaigns."`
	Batch        WebhookBatch             `json:"batch"`
	Content      bool                     `json:"content" doc:"It is told what people wrote, too."`
	Headers      []string                 `json:"headers,omitempty" doc:"Names of the headers that go along; their values are not shown."`
	State        string                   `json:"state" enum:"on,paused,off" doc:"on; paused by a person: what happens meanwhile is told later; off: it failed for a day or answered 410, and what happens meanwhile is not told."`
	Reason       string                   `json:"reason,omitempty" doc:"Why it is off."`
	FailingSince *time.Time               `json:"failing_since,omitempty" doc:"Since when no request succeeded."`
	Secrets      map[string]SecretSetting `json:"secrets" doc:"When secret, and the value of each header (as headers.Authorization), was set last and by whom; while an older secret signs along, secret has replaced."`
	CreatedAt    time.Time                `json:"created_at"`
	UpdatedAt    time.Time                `json:"updated_at"`
}

func (w Webhook) identity() int64 { return w.ID }

// WebhookWithSecret is a webhook with its new secret.
type WebhookWithSecret struct {
	Webhook
	Secret string `json:"secret" doc:"Signs each request by the Standard Webhooks scheme; it is shown this once."`
}

// WebhookInput is what a webhook is made of.
type WebhookInput struct {
	URL         string            `json:"url" maxLength:"2000" doc:"Where to post to." example:"https://example.org/hooks"`
	Description string            `json:"description,omitempty" maxLength:"200"`
	Events      []webhooks.Event  `json:"events" minItems:"1" maxItems:"100" doc:"Of what it is told: GET /v1/webhook-events lists what there is." example:"[\"message.failed\"]"`
	Channels    []naming.Ref      `json:"channels,omitempty" kind:"channel" maxItems:"100" doc:"Only of what happens on these channels."`
	Campaigns   []naming.Ref      `json:"campaigns,omitempty" kind:"campaign" maxItems:"100" doc:"Only of what happens in these campaigns."`
	Batch       *WebhookBatch     `json:"batch,omitempty" doc:"How events are told together; one in each request if absent."`
	Content     bool              `json:"content,omitempty" doc:"Tell what people wrote, too: the text and address of replies, and answers in flows. It is put into requests when they are made, and kept nowhere else."`
	Headers     map[string]string `json:"headers,omitempty" doc:"Headers that go along with each request, such as Authorization. They are kept encrypted." writeOnly:"true"`
}

// WebhookChange is what is to become of a webhook; what is absent stays.
type WebhookChange struct {
	URL         *string            `json:"url,omitempty" maxLength:"2000"`
	Description *string            `json:"description,omitempty" maxLength:"200"`
	Events      *[]webhooks.Event  `json:"events,omitempty" minItems:"1" maxItems:"100" doc:"All that it is told of instead."`
	Channels    *[]naming.Ref      `json:"channels,omitempty" kind:"channel" maxItems:"100" doc:"[] for all."`
	Campaigns   *[]naming.Ref      `json:"campaigns,omitempty" kind:"campaign" maxItems:"100" doc:"[] for all."`
	Batch       *WebhookBatch      `json:"batch,omitempty"`
	Content     *bool              `json:"content,omitempty" doc:"Whether to tell what people wrote, too."`
	Headers     *map[string]string `json:"headers,omitempty" doc:"All of its headers instead." writeOnly:"true"`
	State       *string            `json:"state,omitempty" enum:"on,paused" doc:"on switches one on again that is off, too: it is told of what happens from then on."`
}

// WebhookSecretChange says how a secret is replaced.
type WebhookSecretChange struct {
	Leaked  bool  `json:"leaked,omitempty" doc:"The secret before is void at once, because it has become known."`
	Overlap int64 `json:"overlap_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"For how many seconds the secret before signs along; 0, if absent, has it sign along until another is made, or it is ended."`
}

// WebhookDelivery is one request and what became of it.
type WebhookDelivery struct {
	ID        int64      `json:"id"`
	Key       string     `json:"webhook_id" doc:"Its webhook-id header, the same over all tries."`
	Events    int        `json:"events" doc:"How many it tells."`
	State     string     `json:"state" enum:"pending,delivered,failed"`
	Tries     int        `json:"tries"`
	NextTryAt *time.Time `json:"next_try_at,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	TriedAt   *time.Time `json:"tried_at,omitempty"`
	Status    int        `json:"http_status,omitempty" doc:"HTTP status of the last try; absent if there was no answer."`
	Answer    string     `json:"answer,omitempty" doc:"How the answer began, or why there was none."`
	TookMS    int64      `json:"took_ms,omitempty"`
	Body      string     `json:"body,omitempty" personal:"texts" doc:"What was posted; of one that is asked for by its id."`
}

func (d WebhookDelivery) identity() int64 { return d.ID }

// WebhookReplay says which requests are made again.
type WebhookReplay struct {
	From  *time.Time `json:"from,omitempty" doc:"Only those made then or later."`
	To    *time.Time `json:"to,omitempty" doc:"Only those made before."`
	State string     `json:"state,omitempty" enum:"delivered,failed" doc:"Only these."`
	Event string     `json:"event,omitempty" maxLength:"100" doc:"Only those that tell this event." example:"message.failed"`
	Dry   bool       `json:"dry_run,omitempty" doc:"Count them, and make none."`
}

// WebhookReplayed is how many requests are made again.
type WebhookReplayed struct {
	Requests int  `json:"requests"`
	Dry      bool `json:"dry_run,omitempty"`
}

// WebhookEventName is something of which one can be told.
type WebhookEventName struct {
	Name string `json:"name"`
}

type createWebhook struct{ Body WebhookInput }

type changeWebhook struct {
	ByID
	Body WebhookChange
}

type rotateWebhook struct {
	ByID
	Body WebhookSecretChange
}

type replayWebhook struct {
	ByID
	Body WebhookReplay
}

type webhookDeliveries struct {
	ByID
	Paged
	State string `query:"state" enum:"pending,delivered,failed" doc:"Only these."`
}

type webhookDelivery struct {
	ByID
	DeliveryID int64 `path:"delivery_id" minimum:"1"`
}

func webhookView(w webhooks.Webhook) Webhook {
	v := Webhook{
		ID: w.ID, URL: w.URL, Format: string(w.Format), Description: w.Description, Events: w.Events, Channels: w.Channels, Campaigns: w.Campaigns,
		Batch: WebhookBatch{w.Batch.Most, w.Batch.Within.Milliseconds()}, Content: w.Content, State: string(w.State), Reason: w.Reason,
		FailingSince: timestamp(w.FailingSince), CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt,
	}
	v.Headers = slices.Sorted(maps.Keys(w.Headers))
	v.Secrets = secretViews(w.SecretNames(), w.SecretsSet)
	if signing := v.Secrets[webhooks.SigningSecret]; len(w.Secrets) > 1 {
		signing.Replaced = &ReplacedSecret{EndsAt: timestamp(w.SecretEndsAt)}
		v.Secrets[webhooks.SigningSecret] = signing
	}
	return v
}

func webhookOut(w webhooks.Webhook, err error) (*one[Webhook], error) {
	if err != nil {
		return nil, err
	}
	return &one[Webhook]{webhookView(w)}, nil
}

func withSecret(w webhooks.Webhook, key secret.String, err error) (*one[WebhookWithSecret], error) {
	if err != nil {
		return nil, err
	}
	return &one[WebhookWithSecret]{WebhookWithSecret{webhookView(w), key.Reveal()}}, nil
}

func deliveryView(d webhooks.Delivery) WebhookDelivery {
	v := WebhookDelivery{
		ID: d.ID, Key: d.Key, Events: d.Events, State: string(d.State), Tries: d.Tries, CreatedAt: d.CreatedAt, TriedAt: timestamp(d.TriedAt),
		Status: d.Status, Answer: d.Answer, TookMS: d.Took.Milliseconds(),
	}
	if d.State == webhooks.Pending {
		v.NextTryAt = &d.NextTryAt
	}
	return v
}

func deliveryOut(d webhooks.Delivery, err error) (*one[WebhookDelivery], error) {
	if err != nil {
		return nil, err
	}
	v := deliveryView(d)
	v.Body = d.Body
	return &one[WebhookDelivery]{v}, nil
}

// hidden are values that nobody prints.
func hidden(headers map[string]string) map[string]secret.String {
	kept := make(map[string]secret.String, len(headers))
	for name, value := range headers {
		kept[name] = secret.New(value)
	}
	return kept
}

func (b *WebhookBatch) into(to *webhooks.Batch) {
	if b != nil {
		*to = webhooks.Batch{Most: b.Most, Within: time.Duration(b.WithinMS) * time.Millisecond}
	}
}

// withoutSecret is what is kept of an answer with a secret.
func withoutSecret(answer []byte) []byte { return withoutField(answer, "secret") }

func (s *Server) webhookRoutes() {
	const path, tag = "/v1/webhooks", "webhooks"
	register(s, operation{id: "list-webhook-events", method: http.MethodGet, path: "/v1/webhook-events", tag: tag, roles: mayLook,
		doc: "List of what a webhook can be told"},
		func(context.Context, access.Caller, *struct{}) (*one[Page[WebhookEventName]], error) {
			out := &one[Page[WebhookEventName]]{}
			for _, e := range webhooks.Events() {
				out.Body.Items = append(out.Body.Items, WebhookEventName{string(e)})
			}
			return out, nil
		})
	register(s, operation{id: "list-webhooks", method: http.MethodGet, path: path, tag: tag, doc: "List webhooks", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *Paged) (*pageOut[Webhook], error) {
			after, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Webhooks.List(ctx, caller.AccountID, after, in.Limit+1)
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, webhookView, func(w webhooks.Webhook) string { return idKey(w.ID) }), nil
		})
	register(s, operation{id: "create-webhook", method: http.MethodPost, path: path, tag: tag, doc: "Have a program told what happens", status: http.StatusCreated,
		roles: mayAdmin, kept: withoutSecret,
		more: "What happens after the answer is posted there, at least once and in order, signed by the Standard Webhooks scheme: docs/webhooks.md. The secret is " +
			"in this answer and nowhere else: a repeat with the same Idempotency-Key shows everything but the secret."},
		func(ctx context.Context, caller access.Caller, in *createWebhook) (*one[WebhookWithSecret], error) {
			w := webhooks.Webhook{
				AccountID: caller.AccountID, URL: in.Body.URL, Description: in.Body.Description, Events: in.Body.Events, Channels: naming.IDs(in.Body.Channels),
				Campaigns: naming.IDs(in.Body.Campaigns), Content: in.Body.Content, Headers: hidden(in.Body.Headers),
			}
			in.Body.Batch.into(&w.Batch)
			return withSecret(s.Webhooks.Create(ctx, w, caller.Actor()))
		})
	register(s, operation{id: "get-webhook", method: http.MethodGet, path: path + "/{id}", tag: tag, doc: "Show a webhook", roles: mayLook},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Webhook], error) {
			return webhookOut(s.Webhooks.Get(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "update-webhook", method: http.MethodPatch, path: path + "/{id}", tag: tag, doc: "Change a webhook, pause it, or switch it on",
		roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *changeWebhook) (*one[Webhook], error) {
			return webhookOut(s.Webhooks.Update(ctx, webhooks.Change{AccountID: caller.AccountID, ID: in.ID, By: caller.Actor()}, func(w *webhooks.Webhook) error {
				set(&w.URL, in.Body.URL)
				set(&w.Description, in.Body.Description)
				set(&w.Events, in.Body.Events)
				if in.Body.Channels != nil {
					w.Channels = naming.IDs(*in.Body.Channels)
				}
				if in.Body.Campaigns != nil {
					w.Campaigns = naming.IDs(*in.Body.Campaigns)
				}
				set(&w.Content, in.Body.Content)
				if in.Body.Headers != nil {
					w.Headers = hidden(*in.Body.Headers)
				}
				in.Body.Batch.into(&w.Batch)
				if in.Body.State != nil {
					w.State = webhooks.State(*in.Body.State)
				}
				return nil
			}))
		})
	register(s, operation{id: "delete-webhook", method: http.MethodDelete, path: path + "/{id}", tag: tag, doc: "Delete a webhook with its deliveries",
		status: http.StatusNoContent, roles: mayAdmin},
		func(ctx context.Context, caller access.Caller, in *ByID) (*struct{}, error) {
			return nil, s.Webhooks.Delete(ctx, caller.AccountID, in.ID)
		})
	register(s, operation{id: "rotate-webhook-secret", method: http.MethodPost, path: path + "/{id}/secret", tag: tag, doc: "Give a webhook another secret",
		roles: mayAdmin, kept: withoutSecret,
		more: "The one before signs along, so that the program can change over whenever it likes; secrets says until when, and end-overlap ends it before."},
		func(ctx context.Context, caller access.Caller, in *rotateWebhook) (*one[WebhookWithSecret], error) {
			return withSecret(s.Webhooks.Rotate(ctx, webhooks.Rotation{
				Change:  webhooks.Change{AccountID: caller.AccountID, ID: in.ID, By: caller.Actor()},
				Overlap: time.Duration(in.Body.Overlap) * time.Second, Leaked: in.Body.Leaked,
			}))
		})
	register(s, operation{id: "end-overlap-of-webhook", method: http.MethodPost, path: path + "/{id}/end-overlap", tag: tag, roles: mayAdmin,
		doc:  "Have a webhook's secret before the present one sign no more",
		more: "A webhook with one secret stays as it is."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[Webhook], error) {
			return webhookOut(s.Webhooks.EndOverlap(ctx, caller.AccountID, in.ID))
		})
	s.deliveryRoutes()
	s.describeWebhooks()
}

// describeWebhooks puts what webhooks are told into the OpenAPI document, with its schemas.
func (s *Server) describeWebhooks() {
	document := s.api.OpenAPI()
	document.Webhooks = map[string]*huma.PathItem{}
	for _, event := range append(webhooks.Events(), webhooks.Test) {
		body := huma.SchemaFromType(document.Components.Schemas, reflect.TypeFor[webhooks.Occurrence]())
		body.Properties["type"] = &huma.Schema{Type: huma.TypeString, Enum: []any{string(event)}}
		body.Properties["version"] = &huma.Schema{Type: huma.TypeInteger, Enum: []any{float64(webhooks.Version)}}
		data := huma.SchemaFromType(document.Components.Schemas, reflect.TypeOf(event.Data()))
		data.AdditionalProperties = true // fields may be added
		body.Properties["data"] = data
		body.AdditionalProperties = true
		document.Webhooks[string(event)] = &huma.PathItem{Post: &huma.Operation{
			OperationID: "told-" + strings.ReplaceAll(strings.ReplaceAll(string(event), ".", "-"), "_", "-"), Summary: "A program is told " + string(event),
			Tags: []string{"webhooks"},
			Parameters: []*huma.Param{
				toldHeader("webhook-id", "The same over all tries of the request."),
				toldHeader("webhook-timestamp", "When it was tried, in seconds since 1970."),
				toldHeader("webhook-signature", "By the Standard Webhooks scheme."),
			},
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: body}}},
			Responses:   map[string]*huma.Response{"2XX": {Description: "It was taken. Anything else is made again, but 410, which ends the webhook."}},
		}}
	}
}

func toldHeader(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Required: true, Schema: &huma.Schema{Type: huma.TypeString}, Description: description}
}

func (s *Server) deliveryRoutes() {
	const path, tag = "/v1/webhooks/{id}", "webhooks"
	register(s, operation{id: "test-webhook", method: http.MethodPost, path: path + "/test", tag: tag, doc: "Tell a webhook something that did not happen",
		roles: mayAdmin, more: "The event is webhook.test. The answer is the delivery, behind what waits already: ask for it to see what came of it."},
		func(ctx context.Context, caller access.Caller, in *ByID) (*one[WebhookDelivery], error) {
			return deliveryOut(s.Webhooks.Test(ctx, caller.AccountID, in.ID))
		})
	register(s, operation{id: "list-webhook-deliveries", method: http.MethodGet, path: path + "/deliveries", tag: tag, roles: mayLook,
		doc: "List requests to a webhook, newest first", more: "They are kept for seven days."},
		func(ctx context.Context, caller access.Caller, in *webhookDeliveries) (*pageOut[WebhookDelivery], error) {
			before, err := in.position()
			if err != nil {
				return nil, err
			}
			list, err := s.Webhooks.Deliveries(ctx, webhooks.DeliveryFilter{
				AccountID: caller.AccountID, WebhookID: in.ID, State: webhooks.DeliveryState(in.State), Before: before, Limit: in.Limit + 1,
			})
			if err != nil {
				return nil, err
			}
			return page(list, in.Limit, deliveryView, func(d webhooks.Delivery) string { return idKey(d.ID) }), nil
		})
	register(s, operation{id: "get-webhook-delivery", method: http.MethodGet, path: path + "/deliveries/{delivery_id}", tag: tag, roles: mayLook,
		doc: "Show a request to a webhook with its body"},
		func(ctx context.Context, caller access.Caller, in *webhookDelivery) (*one[WebhookDelivery], error) {
			return deliveryOut(s.Webhooks.Delivery(ctx, caller.AccountID, in.ID, in.DeliveryID))
		})
	register(s, operation{id: "replay-webhook", method: http.MethodPost, path: path + "/replay", tag: tag, roles: mayAdmin,
		doc: "Make requests to a webhook again", more: "At most 10,000 of those kept, oldest first and behind what waits already, each once with " +
			"the same webhook-id and body. An empty body is all of them."},
		func(ctx context.Context, caller access.Caller, in *replayWebhook) (*one[WebhookReplayed], error) {
			f := webhooks.ReplayFilter{AccountID: caller.AccountID, WebhookID: in.ID, State: webhooks.DeliveryState(in.Body.State), Event: webhooks.Event(in.Body.Event)}
			set(&f.From, in.Body.From)
			set(&f.To, in.Body.To)
			n, err := s.Webhooks.ReplayAll(ctx, f, in.Body.Dry)
			if err != nil {
				return nil, err
			}
			return &one[WebhookReplayed]{WebhookReplayed{n, in.Body.Dry}}, nil
		})
	register(s, operation{id: "replay-webhook-delivery", method: http.MethodPost, path: path + "/deliveries/{delivery_id}/replay", tag: tag, roles: mayAdmin,
		doc: "Make a request to a webhook again", more: "It has the same webhook-id and body, and comes behind what waits already."},
		func(ctx context.Context, caller access.Caller, in *webhookDelivery) (*one[WebhookDelivery], error) {
			return deliveryOut(s.Webhooks.Replay(ctx, caller.AccountID, in.ID, in.DeliveryID))
		})
}
