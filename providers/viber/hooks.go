package viber

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
	"carillon/providers/line"
)

// event is what Viber posts, as far as it is read.
type event struct {
	Event string `json:"event"`
	// Timestamp is in milliseconds.
	Timestamp int64       `json:"timestamp"`
	Token     json.Number `json:"message_token"`
	// Desc says why a message failed.
	Desc   string `json:"desc"`
	Sender struct {
		ID string `json:"id"`
	} `json:"sender"`
	// User is who has subscribed, UserID who no longer does.
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	UserID  string  `json:"user_id"`
	Message message `json:"message"`
}

type message struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	FileName string `json:"file_name"`
	// Tracking is what went with the last message that they were sent.
	Tracking string `json:"tracking_data"`
	Location *struct {
		Latitude  float64 `json:"lat"`
		Longitude float64 `json:"lon"`
	} `json:"location"`
	Contact *struct {
		Name  string `json:"name"`
		Phone string `json:"phone_number"`
	} `json:"contact"`
}

const signatureHeader = "X-Viber-Content-Signature"

// posted checks who posts, and reads what.
func (p *Provider) posted(header http.Header, body []byte) (*event, error) {
	given, right := []byte(header.Get(signatureHeader)), false
	// All are compared, so that the time does not tell which.
	for _, key := range p.deps.Taken("token", p.config.Token) {
		mac := hmac.New(sha256.New, []byte(key.Reveal()))
		mac.Write(body)
		right = hmac.Equal(given, []byte(hex.EncodeToString(mac.Sum(nil)))) || right
	}
	if !right {
		return nil, &providers.Error{Kind: providers.ErrorAuth,
			Err: errors.New(signatureHeader + " is not made with the channel's config.token over the body as it came")}
	}
	var e event
	if err := json.Unmarshal(body, &e); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	return &e, nil
}

func (e *event) at() time.Time {
	if e.Timestamp <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(e.Timestamp).UTC()
}

// id is what a message is known by; wrong says that there is none.
func (e *event) id() (id string, wrong error) {
	if number, err := strconv.ParseUint(e.Token.String(), 10, 64); err != nil || number == 0 {
		return "", providers.Refused{fault.Field{Location: "message_token", Message: "must be a number above 0"}}
	}
	return e.Token.String(), nil
}

// told are the events that say what became of a message.
var told = map[string]providers.ReceiptStatus{
	"delivered": providers.ReceiptDelivered,
	"seen":      providers.ReceiptRead,
	"failed":    providers.ReceiptFailed,
}

// ParseCallback reads what became of a message. What somebody answers says that the message has
// arrived which they were sent last: for one whose own answer was lost it is the only sign.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	e, err := p.posted(header, body)
	if err != nil {
		return nil, err
	}
	if e.Event == "message" {
		if id := p.ownID(e.Message.Tracking); id != 0 {
			return []providers.Receipt{{MessageID: id, Status: providers.ReceiptDelivered, At: e.at()}}, nil
		}
		return nil, nil
	}
	status, says := told[e.Event]
	if !says {
		return nil, nil
	}
	id, wrong := e.id()
	if wrong != nil {
		return nil, wrong
	}
	r := providers.Receipt{ProviderID: id, Status: status, At: e.at()}
	if status == providers.ReceiptFailed {
		r.Detail = cmp.Or(line.Quote(p.scrub(e.Desc)), "Viber does not say why")
	}
	return []providers.Receipt{r}, nil
}

// ownID is the message that tracking data names; 0 where it is not one of this installation.
func (p *Provider) ownID(tracking string) int64 {
	digits, _, _ := strings.Cut(tracking, "-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 || p.deps.UniqueID(id) != tracking {
		return 0
	}
	return id
}

// ParseReplies reads what people wrote and pressed, and that they subscribe and no longer do. All
// else that Viber tells is taken, and is no reply.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	e, err := p.posted(header, body)
	if err != nil {
		return nil, err
	}
	from, text, place := "", "", ""
	var parts providers.ReplyParts
	switch e.Event {
	case "message":
		from, place = e.Sender.ID, "sender.id"
		text, parts = e.Message.said()
	case "subscribed":
		from, text, place = e.User.ID, "START", "user.id"
	case "unsubscribed":
		from, text, place = e.UserID, "STOP", "user_id"
	}
	if text == "" {
		return nil, nil
	}
	id, wrong := e.id()
	if wrong != nil {
		return nil, wrong
	}
	if !providers.Key(from) {
		return nil, providers.Refused{providers.NoKey(place, from)}
	}
	return []providers.Reply{{ID: id, From: from, Text: text, Parts: parts, At: e.at(), Setting: e.Event != "message"}}, nil
}

// files are the types of what people send as Viber calls them. A GIF is a picture there.
var files = map[string]providers.AttachmentType{
	"picture": providers.Image, "sticker": providers.Image, "video": providers.Video, "file": providers.Document,
}

// said is what a message says, in words and beside them; the words are empty for one that says
// nothing. A button that was pressed is a text like any other there.
func (m *message) said() (text string, parts providers.ReplyParts) {
	switch sort, sent := files[m.Type]; {
	case sent:
		parts.Media = &providers.ReplyFile{Type: sort, Caption: m.Text, Filename: m.FileName}
		return cmp.Or(m.Text, m.FileName, "["+m.Type+"]"), parts
	case m.Location != nil:
		parts.Location = &providers.Location{Latitude: m.Location.Latitude, Longitude: m.Location.Longitude}
		return cmp.Or(m.Text, parts.Words()), parts
	case m.Text != "":
		return m.Text, parts
	case m.Contact != nil:
		return strings.TrimSpace(m.Contact.Name + " " + m.Contact.Phone), parts
	}
	return m.FileName, parts
}
