package xms

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"carillon/providers"
)

// posted is what XMS posts to a webhook: messages, or statuses.
type posted struct {
	Messages []postedMessage `json:"messages"`
	Statuses []postedStatus  `json:"statuses"`
}

type postedMessage struct {
	ID        loose         `json:"id"`
	From      loose         `json:"from"`
	Timestamp loose         `json:"timestamp"`
	Text      *postedText   `json:"text"`
	Image     *postedMedia  `json:"image"`
	Video     *postedMedia  `json:"video"`
	Audio     *postedMedia  `json:"audio"`
	Voice     *postedMedia  `json:"voice"`
	Document  *postedMedia  `json:"document"`
	Location  *postedPlace  `json:"location"`
	Files     []postedMedia `json:"attachments"`
}

type postedText struct {
	Body loose `json:"body"`
}

type postedMedia struct {
	Caption  loose `json:"caption"`
	Filename loose `json:"filename"`
	Link     loose `json:"link"`
	// MIME is the media type.
	MIME loose `json:"mime_type"`
}

type postedPlace struct {
	Latitude  loose `json:"latitude"`
	Longitude loose `json:"longitude"`
	Name      loose `json:"name"`
	Address   loose `json:"address"`
	URL       loose `json:"url"`
}

type postedStatus struct {
	ID        loose `json:"id"`
	Status    loose `json:"status"`
	Timestamp loose `json:"timestamp"`
	Errors    []struct {
		Code    loose `json:"code"`
		Title   loose `json:"title"`
		Details loose `json:"details"`
	} `json:"errors"`
}

const verifyHeader = "X-Verify-Token"

// open checks who posts, and reads what.
func (p *Provider) open(header http.Header, body []byte) (posted, error) {
	var of posted
	if !p.deps.Takes("verify_token", p.config.VerifyToken, header.Get(verifyHeader)) {
		return of, &providers.Error{Kind: providers.ErrorAuth, Err: errors.New("x-verify-token is not the channel's config.verify_token")}
	}
	if err := json.Unmarshal(body, &of); err != nil {
		return of, &providers.Error{Kind: providers.ErrorContent, Err: fmt.Errorf("the body can't be read: %w", err)}
	}
	return of, nil
}

// statuses are the words of XMS that say more than that a message was sent.
var statuses = map[loose]providers.ReceiptStatus{
	"DLVRD": providers.ReceiptDelivered,
	"READ":  providers.ReceiptRead,
	"FAILD": providers.ReceiptFailed,
}

// outsideWindow is WhatsApp's code for a message to somebody who has not written to us in
// the last day: nothing is wrong with it.
const outsideWindow = "470"

// ParseCallback reads what became of messages.
func (p *Provider) ParseCallback(header http.Header, body []byte) ([]providers.Receipt, error) {
	of, err := p.open(header, body)
	if err != nil {
		return nil, err
	}
	var receipts []providers.Receipt
	var refused providers.Refused
	for i, s := range of.Statuses {
		status, known := statuses[s.Status]
		if !known { // SENT is known, DELTD was sent all the same
			continue
		}
		id := string(s.ID)
		if !providers.Key(id) {
			refused = append(refused, providers.NoKey(fmt.Sprintf("statuses[%d].id", i), id))
			continue
		}
		r := providers.Receipt{ProviderID: id, Status: status, At: s.at()}
		if status == providers.ReceiptFailed {
			r.Code = string(s.Status)
			if len(s.Errors) > 0 {
				e := s.Errors[0]
				if e.Code != "" {
					r.Code = string(e.Code)
				}
				r.Detail = strings.TrimSpace(string(e.Title) + " " + string(e.Details))
			}
			if r.Code == outsideWindow {
				r.Status = providers.ReceiptRejected
			}
		}
		receipts = append(receipts, r)
	}
	return receipts, refused.OrNil()
}

func (s *postedStatus) at() time.Time { return instant(s.Timestamp) }

// instant reads milliseconds; zero for what is none.
func instant(text loose) time.Time {
	ms, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// ParseReplies reads what people wrote.
func (p *Provider) ParseReplies(header http.Header, body []byte) ([]providers.Reply, error) {
	of, err := p.open(header, body)
	if err != nil {
		return nil, err
	}
	var replies []providers.Reply
	var refused providers.Refused
	for i, m := range of.Messages {
		at := fmt.Sprintf("messages[%d].", i)
		switch {
		case !providers.Key(string(m.ID)):
			refused = append(refused, providers.NoKey(at+"id", string(m.ID)))
		case !providers.Key(string(m.From)):
			refused = append(refused, providers.NoKey(at+"from", string(m.From)))
		default:
			text, parts := m.said()
			replies = append(replies, providers.Reply{ID: string(m.ID), From: p.sender(string(m.From)), Text: text, Parts: parts, At: instant(m.Timestamp)})
		}
	}
	return replies, refused.OrNil()
}

// sender is who wrote, in the form of the channel's kind: numbers come without +.
func (p *Provider) sender(from string) string {
	if p.config.Address == providers.Email {
		return from
	}
	return "+" + strings.TrimPrefix(from, "+")
}

// said is what somebody wrote, in words and beside them; of a file the words are its caption, and
// where it is.
func (m *postedMessage) said() (text string, parts providers.ReplyParts) {
	if m.Text != nil && m.Text.Body != "" {
		return string(m.Text.Body), parts
	}
	if l := m.Location; l != nil {
		parts.Location = l.place()
		return strings.TrimSpace(fmt.Sprintf("%s %s %s,%s", l.Name, l.Address, l.Latitude, l.Longitude)), parts
	}
	type file struct {
		is   *postedMedia
		sort providers.AttachmentType
	}
	files := []file{
		{m.Image, providers.Image}, {m.Video, providers.Video}, {m.Audio, providers.Audio}, {m.Voice, providers.Audio}, {m.Document, providers.Document},
	}
	for i := range m.Files {
		files = append(files, file{&m.Files[i], providers.SortOf(string(m.Files[i].MIME))})
	}
	for _, f := range files {
		if f.is != nil {
			parts.Media = &providers.ReplyFile{Type: f.sort, Caption: string(f.is.Caption), Filename: string(f.is.Filename)}
			return strings.TrimSpace(string(f.is.Caption) + " " + string(f.is.Link)), parts
		}
	}
	return "", parts
}

// place is a place as Carillon has it; nil for one whose degrees are no numbers.
func (l *postedPlace) place() *providers.Location {
	latitude, wrong := strconv.ParseFloat(string(l.Latitude), 64)
	longitude, wrongToo := strconv.ParseFloat(string(l.Longitude), 64)
	if wrong != nil || wrongToo != nil {
		return nil
	}
	return &providers.Location{Latitude: latitude, Longitude: longitude, Name: string(l.Name), Address: string(l.Address), URL: string(l.URL)}
}
