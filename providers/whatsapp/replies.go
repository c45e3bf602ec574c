package whatsapp

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"carillon/providers"
	"carillon/providers/graph"
)

// message is what somebody wrote, as far as it is read: Type says which of the others there is.
type message struct {
	ID   string `json:"id"`
	From string `json:"from"`
	// Group is where it was said, if not to the number alone.
	Group     string `json:"group_id"`
	Timestamp loose  `json:"timestamp"`
	Type      string `json:"type"`
	Text      struct {
		Body string `json:"body"`
	} `json:"text"`
	// Button is one of a template.
	Button struct {
		Payload string `json:"payload"`
		Text    string `json:"text"`
	} `json:"button"`
	Interactive struct {
		Button pressed `json:"button_reply"`
		Row    pressed `json:"list_reply"`
	} `json:"interactive"`
	Image    file      `json:"image"`
	Video    file      `json:"video"`
	Document file      `json:"document"`
	Location spot      `json:"location"`
	Contacts []contact `json:"contacts"`
}

type pressed struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// file has no address that could be shown: only who has the token can fetch it.
type file struct {
	Caption  string `json:"caption"`
	Filename string `json:"filename"`
}

type spot struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name"`
	Address   string  `json:"address"`
}

type contact struct {
	Name struct {
		Formatted string `json:"formatted_name"`
	} `json:"name"`
	Phones []struct {
		Phone string `json:"phone"`
	} `json:"phones"`
}

// preference is what somebody has set for the advertising of the number.
type preference struct {
	WaID      string `json:"wa_id"`
	Value     string `json:"value"`
	Timestamp loose  `json:"timestamp"`
}

// wishes are the preferences as the words that say the same when somebody writes them.
var wishes = map[string]string{"stop": "STOP", "resume": "START"}

// ParseReplies reads what people wrote, pressed and set. All else that Meta tells is taken, and
// is no reply.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	var replies []providers.Reply
	var refused providers.Refused
	take := func(r providers.Reply, said bool, wrong providers.Refused) {
		refused = append(refused, wrong...)
		if said {
			replies = append(replies, r)
		}
	}
	err := p.read(header, body, func(place, field string, v *value) {
		if field == "messages" { // what comes as smb_message_echoes or history the number itself wrote, or is old
			for i, raw := range v.Messages {
				take(heard(fmt.Sprintf("%smessages[%d]", place, i), raw))
			}
		}
		for i, raw := range v.Preferences {
			take(set(fmt.Sprintf("%suser_preferences[%d]", place, i), raw))
		}
	})
	if err != nil {
		return nil, err
	}
	return replies, refused.OrNil()
}

// heard is a message as a reply; said is false where it is none.
func heard(place string, raw json.RawMessage) (r providers.Reply, said bool, wrong providers.Refused) {
	var m message
	if wrong := graph.Item(place, raw, &m); wrong != nil {
		return r, false, wrong
	}
	text, said := m.said()
	switch {
	case !said || m.Group != "" || !graph.ID(m.From): // who hides their number can't be written to by it either
		return r, false, nil
	case !providers.Key(m.ID):
		return r, false, providers.Refused{providers.NoKey(place+".id", m.ID)}
	}
	return providers.Reply{ID: m.ID, From: "+" + m.From, Text: text, At: m.Timestamp.instant()}, true, nil
}

// set is a preference as the reply that it stands for. It has no id: whose, what and when name it.
func set(place string, raw json.RawMessage) (r providers.Reply, said bool, wrong providers.Refused) {
	var of preference
	if wrong := graph.Item(place, raw, &of); wrong != nil {
		return r, false, wrong
	}
	word, known := wishes[of.Value]
	if !known || !graph.ID(of.WaID) {
		return r, false, nil
	}
	at := of.Timestamp.instant()
	id := fmt.Sprintf("preference:%s:%s:%d", of.WaID, of.Value, at.Unix())
	return providers.Reply{ID: id, From: "+" + of.WaID, Text: word, At: at, Setting: true}, true, nil
}

// said is what a message says in words; ok is false for what says nothing, such as a reaction.
func (m *message) said() (text string, ok bool) {
	switch m.Type {
	case "text":
		return m.Text.Body, true
	case "button":
		return cmp.Or(m.Button.Payload, m.Button.Text), true
	case "interactive":
		text = cmp.Or(m.Interactive.Button.ID, m.Interactive.Button.Title, m.Interactive.Row.ID, m.Interactive.Row.Title)
		return text, text != ""
	case "image":
		return m.Image.words(m.Type), true
	case "video":
		return m.Video.words(m.Type), true
	case "document":
		return m.Document.words(m.Type), true
	case "audio", "sticker":
		return named(m.Type), true
	case "location":
		l := m.Location
		return joined(l.Name, l.Address, degrees(l.Latitude)+","+degrees(l.Longitude)), true
	case "contacts":
		var words []string
		for _, c := range m.Contacts {
			words = append(words, c.Name.Formatted)
			for _, phone := range c.Phones {
				words = append(words, phone.Phone)
			}
		}
		return joined(words...), true
	}
	return "", false
}

// words are those of a file: what is said beside it, else what it is called.
func (f *file) words(kind string) string { return cmp.Or(f.Caption, f.Filename, named(kind)) }

// named is a word for a file that nothing is said of.
func named(kind string) string { return "[" + kind + "]" }

func joined(words ...string) string {
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func degrees(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }
