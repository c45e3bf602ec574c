package webhooks

import (
	"encoding/json"

	"carillon/providers"
)

// What is told of each event: the data of an Occurrence. There is no content and no address
// in it. Fields are only ever added: who was written for what is here can read what will be.

// Message is the data of what happened to a message.
type Message struct {
	ID         int64  `json:"message_id" doc:"GET /v1/messages/{id} shows it."`
	ContactID  int64  `json:"contact_id,omitempty"`
	ChannelID  int64  `json:"channel_id"`
	CampaignID int64  `json:"campaign_id,omitempty"`
	RunID      int64  `json:"run_id,omitempty"`
	ProviderID string `json:"provider_id,omitempty" doc:"The provider's id."`
	Attempt    int    `json:"attempt" doc:"How many tries it has had."`
	Reason     string `json:"reason,omitempty" doc:"Why, while it still is in that state."`
}

// Engagement is the data of MessageOpened and MessageClicked.
type Engagement struct {
	MessageID  int64 `json:"message_id"`
	ContactID  int64 `json:"contact_id,omitempty"`
	ChannelID  int64 `json:"channel_id"`
	CampaignID int64 `json:"campaign_id"`
	RunID      int64 `json:"run_id"`
	Link       int   `json:"link,omitempty" doc:"The link's number in the run; absent for an opening."`
}

// Written is what somebody wrote.
type Written struct {
	From string `json:"from" doc:"The address."`
	Text string `json:"text"`
	providers.ReplyParts
}

// Answered is an answer to a question of a flow.
type Answered struct {
	Text  string          `json:"text" doc:"As it was written."`
	Value json.RawMessage `json:"value" doc:"As it was understood."`
}

// Reply is the data of MessageReceived; what was written can be asked for by its id.
type Reply struct {
	ID        int64  `json:"reply_id" doc:"GET /v1/replies/{id} shows what was written."`
	ContactID int64  `json:"contact_id,omitempty"`
	ChannelID int64  `json:"channel_id"`
	Meaning   string `json:"meaning,omitempty" doc:"What Carillon took it for, such as opt_out."`
	Type      string `json:"type,omitempty" enum:"text,button,choice,location,media" doc:"In which way they replied."`
	// Content is what was written, for those who ask for content.
	Content *Written `json:"content,omitempty" doc:"Where the webhook asks for content, while it is kept."`
}

// Campaign is the data of what happened to a campaign.
type Campaign struct {
	ID     int64  `json:"campaign_id"`
	Status string `json:"status"`
}

// Run is the data of what happened to a run.
type Run struct {
	CampaignID int64  `json:"campaign_id"`
	ID         int64  `json:"run_id"`
	Status     string `json:"status" enum:"finished,canceled,failed,skipped"`
	Reason     string `json:"reason,omitempty"`
}

// Session is the data of what happened to somebody in a flow.
type Session struct {
	CampaignID int64  `json:"campaign_id" doc:"The flow."`
	ID         int64  `json:"session_id"`
	ContactID  int64  `json:"contact_id"`
	Source     string `json:"source,omitempty" doc:"How they entered."`
	Step       string `json:"step,omitempty" doc:"The step that was answered; the answer can be asked for."`
	Outcome    string `json:"outcome,omitempty" doc:"How it ended."`
	Reason     string `json:"reason,omitempty"`
	// Content is what was answered, for those who ask for content.
	Content *Answered `json:"content,omitempty" doc:"Of flow.answered, where the webhook asks for content, while it is kept."`
}

// Contact is the data of what happened to a contact.
type Contact struct {
	ID         int64  `json:"contact_id"`
	CategoryID int64  `json:"category_id,omitempty" doc:"Of an opt-out or opt-in for one category."`
	Source     string `json:"source,omitempty"`
	// Changed are the names of what was changed, not the values.
	Changed []string `json:"changed,omitempty" doc:"Of contact.updated: what was changed, such as name or addresses.email."`
}

// Conversation is the data of what happened to a conversation.
type Conversation struct {
	ID        int64  `json:"conversation_id"`
	Number    int64  `json:"number" doc:"Its place among those of the account."`
	ContactID int64  `json:"contact_id,omitempty"`
	ChannelID int64  `json:"channel_id"`
	Status    string `json:"status" enum:"open,resolved,pending,snoozed"`
	Before    string `json:"before,omitempty" doc:"Of conversation.status_changed: the status that it had."`
	EntryID   int64  `json:"entry_id,omitempty" doc:"Of conversation.entry and conversation.entry_hidden."`
	MessageID int64  `json:"message_id,omitempty" doc:"The message that the entry went out as."`
}

// Import is the data of ImportFinished.
type Import struct {
	ID         int64  `json:"upload_id"`
	Status     string `json:"status" enum:"finished,failed"`
	Rows       int64  `json:"rows"`
	Created    int64  `json:"created"`
	Updated    int64  `json:"updated"`
	Refused    int64  `json:"refused"`
	Duplicates int64  `json:"duplicates"`
}

// Channel is the data of what happened to a channel.
type Channel struct {
	ID     int64  `json:"channel_id"`
	Status string `json:"status" enum:"active,paused,stopped"`
	Health string `json:"health" enum:"ok,degraded,held,stopped"`
	Reason string `json:"reason,omitempty"`
}

// Template is the data of what a provider says of a template.
type Template struct {
	ID        int64  `json:"template_id"`
	Name      string `json:"name"`
	ChannelID int64  `json:"channel_id"`
	Language  string `json:"language"`
	Status    string `json:"status" enum:"approved,rejected"`
	Reason    string `json:"reason,omitempty"`
}

// Trial is the data of Test.
type Trial struct {
	Text string `json:"text"`
}

// Data is what is told of an event, empty.
func (e Event) Data() any {
	switch e {
	case MessageOpened, MessageClicked:
		return Engagement{}
	case MessageReceived:
		return Reply{}
	case CampaignStarted, CampaignPaused, CampaignFinished, CampaignCanceled, CampaignFailed:
		return Campaign{}
	case RunFinished, RunSkipped:
		return Run{}
	case FlowEntered, FlowAnswered, FlowEnded:
		return Session{}
	case ConversationCreated, ConversationStatus, ConversationUpdated, ConversationEntry, ConversationHidden:
		return Conversation{}
	case ContactCreated, ContactUpdated, ContactOptedOut, ContactOptedIn, ContactErased:
		return Contact{}
	case ImportFinished:
		return Import{}
	case ChannelDegraded, ChannelPaused, ChannelRecovered:
		return Channel{}
	case TemplateApproved, TemplateRejected:
		return Template{}
	case Test:
		return Trial{}
	default:
		return Message{}
	}
}
