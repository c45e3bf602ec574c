package sandbox

import (
	"carillon/internal/fault"
	"carillon/internal/secret"
	"carillon/providers"
	"carillon/providers/hook"
)

// Config is a sandbox channel's configuration. The rates are shares of 1 and
// must not add up to more; what is left of 1 succeeds.
type Config struct {
	Address providers.AddressKind `json:"address,omitempty" enum:"email,phone,sms,whatsapp,telegram,viber,facebook,instagram,push,web,custom" default:"email" doc:"Kind of address that it pretends to deliver to."`

	LatencyMS int `json:"latency_ms,omitempty" minimum:"0" maximum:"60000" default:"0" doc:"Milliseconds until it answers."`

	FailRate      float64 `json:"fail_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the messages that fail for good."`
	RejectRate    float64 `json:"reject_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the messages that are rejected: the recipient does not exist."`
	TemporaryRate float64 `json:"temporary_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the attempts that fail for the time being."`
	ThrottleRate  float64 `json:"throttle_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the attempts that are throttled when they are first made."`
	InDoubtRate   float64 `json:"in_doubt_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the attempts that get no answer."`

	Receipts       string  `json:"receipts,omitempty" enum:"none,normal,chaotic" default:"normal" doc:"Whether deliveries are reported: none, normal, or chaotic (late, twice and out of order)."`
	ReceiptDelayMS int     `json:"receipt_delay_ms,omitempty" minimum:"0" maximum:"3600000" default:"0" doc:"Milliseconds from acceptance to the report of delivery."`
	ReadRate       float64 `json:"read_rate,omitempty" minimum:"0" maximum:"1" default:"0" doc:"Share of the delivered messages that are reported as read."`

	Replies      map[string][]string `json:"replies,omitempty" doc:"What simulated people write back: for a part of a message's text or subject, texts of which one is chosen by chance; an empty one is silence, and an empty part fits every message. The longest part that fits counts."`
	ReplyDelayMS int                 `json:"reply_delay_ms,omitempty" minimum:"0" maximum:"3600000" default:"0" doc:"Milliseconds from acceptance to the reply."`

	Seed int64 `json:"seed,omitempty" default:"0" doc:"The same seed gives every message the same fate again."`

	Secret secret.String `json:"secret,omitempty" writeOnly:"true" presented:"true" doc:"Secret (whsec_ and base64) with which receipts posted to /hooks/{channel_id} must be signed; without it they are refused."`
}

func check(c *Config) []fault.Field {
	var wrong []fault.Field
	if sum := c.FailRate + c.RejectRate + c.TemporaryRate + c.ThrottleRate + c.InDoubtRate; sum > 1+1e-9 {
		wrong = append(wrong, fault.Field{
			Location: "config.fail_rate",
			Message:  "fail, reject, temporary, throttle and in-doubt rate must not add up to more than 1",
			Value:    sum,
		})
	}
	if len(c.Replies) > 50 {
		wrong = append(wrong, fault.Field{Location: "config.replies", Value: len(c.Replies), Message: "at most 50 parts of messages"})
	}
	for part, texts := range c.Replies {
		if len(texts) == 0 || len(texts) > 50 {
			wrong = append(wrong, fault.Field{Location: "config.replies." + part, Value: len(texts), Message: "give 1 to 50 texts; an empty one is silence"})
		}
	}
	if !c.Secret.Empty() {
		if message := hook.CheckSecret(c.Secret); message != "" {
			wrong = append(wrong, fault.Field{Location: "config.secret", Message: message})
		}
	}
	return wrong
}
