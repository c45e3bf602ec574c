package telegram

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/internal/fault"
	"carillon/providers"
)

// update is what Telegram posts to a webhook, as far as it is read: of the other kinds only the
// number.
type update struct {
	ID       int64    `json:"update_id"`
	Message  *message `json:"message"`
	Callback *struct {
		ID   string `json:"id"`
		From struct {
			ID int64 `json:"id"`
		} `json:"from"`
		// Message is the one that has the button; it may be missing.
		Message *message `json:"message"`
		Data    string   `json:"data"`
	} `json:"callback_query"`
}

type message struct {
	Number int64 `json:"message_id"`
	Chat   struct {
		ID int64 `json:"id"`
	} `json:"chat"`
	// Date is in seconds.
	Date    int64  `json:"date"`
	Text    string `json:"text"`
	Caption string `json:"caption"`
	Contact *struct {
		FirstName   string `json:"first_name"`
		LastName    string `json:"last_name"`
		PhoneNumber string `json:"phone_number"`
	} `json:"contact"`
	Location *coordinates `json:"location"`
	// Markup has the buttons of a message of the bot's.
	Markup struct {
		Buttons [][]struct {
			Text string `json:"text"`
			Data string `json:"callback_data"`
		} `json:"inline_keyboard"`
	} `json:"reply_markup"`
	// Venue is a place with a name; its location stands in Location, too.
	Venue *struct {
		Title   string `json:"title"`
		Address string `json:"address"`
	} `json:"venue"`
	Sticker *struct {
		Emoji string `json:"emoji"`
	} `json:"sticker"`
	// Files have no address that could be shown: only who has the token can fetch them.
	Photo     json.RawMessage `json:"photo"`
	Video     *attached       `json:"video"`
	VideoNote *attached       `json:"video_note"`
	Animation *attached       `json:"animation"`
	Audio     *attached       `json:"audio"`
	Voice     *attached       `json:"voice"`
	Document  *attached       `json:"document"`
}

type attached struct {
	Name string `json:"file_name"`
}

type coordinates struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// ParseReplies reads what somebody wrote to the bot or in a group that it is in, and what button
// they pressed. All else that Telegram tells is taken, and is no reply.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	if !p.deps.Takes("secret_token", p.config.SecretToken, header.Get(secretHeader)) {
		return nil, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New(secretHeader + " is not the channel's config.secret_token")}
	}
	var u update
	if err := json.Unmarshal(body, &u); err != nil {
		return nil, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	switch {
	case u.Callback != nil:
		return u.pressed()
	case u.Message != nil:
		return u.Message.written()
	}
	return nil, nil
}

// pressed is a button as the reply that it stands for.
func (u *update) pressed() ([]providers.Reply, error) {
	c := u.Callback
	from := c.From.ID // alone with the bot, a person's number is the chat's
	if c.Message != nil {
		from = c.Message.Chat.ID
	}
	switch id := "pressed:" + c.ID; {
	case c.Data == "": // a game's
		return nil, nil
	case !providers.Key(id) || c.ID == "":
		return nil, providers.Refused{providers.NoKey("callback_query.id", c.ID)}
	case from == 0:
		return nil, noNumber("callback_query.from.id")
	default:
		parts := providers.ReplyParts{Button: &providers.ReplyOption{ID: c.Data, Title: c.Message.titleOf(c.Data)}}
		return []providers.Reply{{ID: id, From: strconv.FormatInt(from, 10), Text: c.Data, Parts: parts}}, nil
	}
}

// written is what somebody wrote.
func (m *message) written() ([]providers.Reply, error) {
	text, parts, said := m.said()
	switch {
	case !said:
		return nil, nil
	case m.Chat.ID == 0:
		return nil, noNumber("message.chat.id")
	case m.Number == 0:
		return nil, noNumber("message.message_id")
	}
	from := strconv.FormatInt(m.Chat.ID, 10)
	r := providers.Reply{ID: numbered(from, m.Number), From: from, Text: text, Parts: parts}
	if m.Date > 0 {
		r.At = time.Unix(m.Date, 0).UTC()
	}
	return []providers.Reply{r}, nil
}

func noNumber(place string) error {
	return providers.Refused{fault.Field{Location: place, Message: "must be a number other than 0"}}
}

// titleOf is what stands on the button of a message that has some data; empty where that is not
// told.
func (m *message) titleOf(data string) string {
	if m == nil {
		return ""
	}
	for _, row := range m.Markup.Buttons {
		for _, b := range row {
			if b.Data == data {
				return b.Text
			}
		}
	}
	return ""
}

// said is what a message says, in words and beside them; ok is false for what nobody wrote, such
// as that somebody has come into a group.
func (m *message) said() (text string, parts providers.ReplyParts, ok bool) {
	parts.Media = m.sent()
	switch {
	case m.Text != "":
		return command(m.Text), parts, true
	case m.Contact != nil:
		return joined(m.Contact.FirstName, m.Contact.LastName, m.Contact.PhoneNumber), parts, true
	case m.Location != nil:
		parts.Location = &providers.Location{Latitude: m.Location.Latitude, Longitude: m.Location.Longitude}
		if m.Venue != nil {
			parts.Location.Name, parts.Location.Address = m.Venue.Title, m.Venue.Address
		}
	case m.Sticker != nil:
		parts.Media = &providers.ReplyFile{Type: providers.Image}
		return m.Sticker.Emoji, parts, true
	case parts.Media != nil && m.Caption == "":
		return "[" + string(parts.Media.Type) + "]", parts, true
	}
	text = cmp.Or(m.Caption, parts.Words())
	return text, parts, text != ""
}

// sent is the file of a message; nil for none. An animation is told as a document beside.
func (m *message) sent() *providers.ReplyFile {
	if m.Photo != nil {
		return &providers.ReplyFile{Type: providers.Image, Caption: m.Caption}
	}
	for _, f := range []struct {
		is   *attached
		sort providers.AttachmentType
	}{
		{m.Video, providers.Video}, {m.VideoNote, providers.Video}, {m.Animation, providers.Image}, {m.Audio, providers.Audio}, {m.Voice, providers.Audio},
		{m.Document, providers.Document},
	} {
		if f.is != nil {
			return &providers.ReplyFile{Type: f.sort, Caption: m.Caption, Filename: f.is.Name}
		}
	}
	return nil
}

func joined(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// command is a text without the bot's name behind a command, which groups need: /stop@news_bot
// is /stop.
func command(text string) string {
	word, rest, found := strings.Cut(text, " ")
	if strings.HasPrefix(word, "/") {
		word, _, _ = strings.Cut(word, "@")
	}
	if found {
		return word + " " + rest
	}
	return word
}

// RequestID is the number of the update, by which a repeat is known.
func (p *Provider) RequestID(_ http.Header, body []byte) string {
	var u update
	if json.Unmarshal(body, &u) != nil || u.ID == 0 {
		return ""
	}
	return strconv.FormatInt(u.ID, 10)
}

// Acknowledgement has Telegram end the waiting that a button shows that was pressed: it makes the
// call that stands in an answer.
func (p *Provider) Acknowledgement(body []byte) []byte {
	var u update
	if json.Unmarshal(body, &u) != nil || u.Callback == nil || u.Callback.ID == "" {
		return nil
	}
	words, _ := json.Marshal(map[string]string{"method": "answerCallbackQuery", "callback_query_id": u.Callback.ID}) // texts can be written
	return words
}
