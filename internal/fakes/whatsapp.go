package fakes

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// WhatsApp starts a fake of Meta's WhatsApp Cloud API. It takes any access token, phone number id
// and account.
func WhatsApp(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /{version}/{number}/messages", s.whatsAppMessage)
		mux.HandleFunc("POST /{version}/{number}/media", s.whatsAppMedia)
		mux.HandleFunc("GET /{version}/{account}/message_templates", s.whatsAppTemplates)
		mux.HandleFunc("POST /{version}/{account}/message_templates", s.whatsAppSubmit)
		s.writes = s.whatsAppPosts
		mux.HandleFunc("POST /written", s.written)
		mux.HandleFunc("GET /{version}/{number}", func(w http.ResponseWriter, r *http.Request) {
			if id := r.PathValue("number"); strings.HasPrefix(id, fakeMedia) && !s.keepsMedia(id) {
				refuseWhatsApp(w, http.StatusBadRequest, 100, "unsupported get request: there is no such object")
				return
			}
			answer(w, http.StatusOK, map[string]any{"id": r.PathValue("number"), "display_phone_number": "+1 555-078-3881"})
		})
		return bearer(mux)
	})
}

// bearer lets those ask who have an access token, whatever it is.
func bearer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/written" { // which people do, and no business
			next.ServeHTTP(w, r)
			return
		}
		if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || token == "" {
			refuseWhatsApp(w, http.StatusUnauthorized, 190, "an access token is required")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // who asked has left
}

// titles are Meta's of the codes with which the fake refuses.
var titles = map[int]string{
	100: "Invalid parameter", 190: "Access token has expired", 130429: "Rate limit hit", 131026: "Message undeliverable",
	131047: "Re-engagement message", 132001: "Template does not exist",
}

// refuseWhatsApp refuses as Meta does.
func refuseWhatsApp(w http.ResponseWriter, status, code int, details string) {
	answer(w, status, map[string]any{"error": map[string]any{
		"message": fmt.Sprintf("(#%d) %s", code, titles[code]), "type": "OAuthException", "code": code, "error_data": map[string]any{"details": details},
	}})
}

// whatsAppMessage takes a message, or not.
func (s *Server) whatsAppMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Product string `json:"messaging_product"`
		To      string `json:"to"`
		Type    string `json:"type"`
		Echo    string `json:"biz_opaque_callback_data"`
		Text    struct {
			Body string `json:"body"`
		} `json:"text"`
		Template struct {
			Name string `json:"name"`
		} `json:"template"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil || asked.Product != "whatsapp" || asked.To == "" {
		refuseWhatsApp(w, http.StatusBadRequest, 100, "messaging_product and to are required")
		return
	}
	m := Message{To: asked.To, Text: asked.Type + " " + asked.Text.Body}
	if asked.Type == "template" {
		m.Text = "template " + asked.Template.Name
	}
	refuse := func(status, code int, details string) {
		m.Refused = fmt.Sprint(code)
		s.tell(m)
		refuseWhatsApp(w, status, code, details)
	}
	fate := fateOf(asked.To)
	file := mediaIn.FindSubmatch(body)
	switch {
	case len(file) > 1 && !s.keepsMedia(string(file[1])):
		refuse(http.StatusBadRequest, 100, "the id is not a valid whatsapp business account media attachment ID")
		return
	case asked.Type == "template" && !s.keeps(asked.Template.Name):
		refuse(http.StatusNotFound, 132001, "template name does not exist in the translation")
		return
	case fate == Unknown:
		refuse(http.StatusBadRequest, 131026, "the recipient has no WhatsApp, or an old one")
		return
	case asked.Type != "template" && (fate == Closed || !s.wroteSince(r.PathValue("number"), asked.To, replyWindow)):
		refuse(http.StatusBadRequest, 131047, "more than 24 hours have passed since the recipient last replied")
		return
	case fate == Throttled && s.hurried(asked.To):
		refuse(http.StatusTooManyRequests, 130429, "rate limit hit")
		return
	}
	s.tell(m)
	id := fmt.Sprintf("wamid.FAKE%012d", s.ids.Add(1))
	answer(w, http.StatusOK, map[string]any{
		"messaging_product": "whatsapp", "contacts": []any{map[string]any{"input": asked.To, "wa_id": strings.TrimPrefix(asked.To, "+")}},
		"messages": []any{map[string]any{"id": id, "message_status": "accepted"}},
	})
	arrives := []string{"sent", "delivered"}
	statuses := map[Fate][]string{Delivered: {"sent", "delivered", "read"}, Throttled: arrives, Closed: arrives, Returned: {"sent", "failed"}}
	for _, status := range statuses[fate] {
		s.whatsAppStatus(r.PathValue("number"), map[string]any{
			"id": id, "status": status, "recipient_id": strings.TrimPrefix(asked.To, "+"), "biz_opaque_callback_data": asked.Echo,
		})
	}
}

// whatsAppPosts hands on what somebody wrote.
func (s *Server) whatsAppPosts(number, from, text string, at time.Time) {
	s.whatsAppPost(number, map[string]any{
		"contacts": []any{map[string]any{"wa_id": from, "profile": map[string]any{"name": "Somebody"}}},
		"messages": []any{map[string]any{
			"from": from, "id": fmt.Sprintf("wamid.FROM%012d", s.ids.Add(1)), "timestamp": fmt.Sprint(at.Unix()), "type": "text", "text": map[string]any{"body": text},
		}},
	})
}

// whatsAppStatus reports a status of a message of a number.
func (s *Server) whatsAppStatus(number string, said map[string]any) {
	said["timestamp"] = fmt.Sprint(s.o.Clock.Now().Unix())
	if said["status"] == "failed" {
		said["errors"] = []any{map[string]any{"code": 131026, "title": "Message undeliverable", "error_data": map[string]any{"details": "message undeliverable"}}}
	}
	s.whatsAppPost(number, map[string]any{"statuses": []any{said}})
}

// whatsAppPost posts what is new about a number, signed.
func (s *Server) whatsAppPost(number string, value map[string]any) {
	value["messaging_product"], value["metadata"] = "whatsapp", map[string]any{"phone_number_id": number}
	body, err := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": "0", "changes": []any{map[string]any{
		"field": "messages", "value": value,
	}}}}})
	if err != nil {
		return
	}
	mac := hmac.New(sha256.New, []byte(s.o.Secret))
	mac.Write(body)
	s.reportLater(report{http.Header{
		"Content-Type": {"application/json"}, "X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}, body})
}

// submission is a language of a template that was handed in.
type submission struct {
	name, language, category string
	components               []any
	// listed counts how often it was listed: it is looked at when it was once.
	listed int
}

// status is what became of the review, and why: a name with "reject" in it is rejected.
func (t *submission) status() (status, reason string) {
	switch {
	case t.listed < 2:
		return "PENDING", "NONE"
	case strings.Contains(t.name, "reject"):
		return "REJECTED", "INVALID_FORMAT"
	}
	return "APPROVED", "NONE"
}

// maxSubmitted bounds the templates that a fake takes in.
const maxSubmitted = 1000

// whatsAppSubmit takes a template in for review.
func (s *Server) whatsAppSubmit(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name       string `json:"name"`
		Language   string `json:"language"`
		Category   string `json:"category"`
		Components []any  `json:"components"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Name == "" || asked.Language == "" || len(asked.Components) == 0 ||
		!slices.Contains([]string{"MARKETING", "UTILITY"}, asked.Category) {
		refuseWhatsApp(w, http.StatusBadRequest, 100, "name, language, category and components are required")
		return
	}
	s.mu.Lock()
	_, mine := s.o.Templates[asked.Name]
	taken := mine && asked.Language == "en" || len(s.submitted) >= maxSubmitted || slices.ContainsFunc(s.submitted, func(t *submission) bool {
		return t.name == asked.Name && t.language == asked.Language
	})
	if !taken {
		s.submitted = append(s.submitted, &submission{name: asked.Name, language: asked.Language, category: asked.Category, components: asked.Components})
	}
	s.mu.Unlock()
	if taken {
		refuseWhatsApp(w, http.StatusBadRequest, 100, "there is already content for this template in this language")
		return
	}
	answer(w, http.StatusOK, map[string]any{"id": fmt.Sprint(s.ids.Add(1)), "status": "PENDING", "category": asked.Category})
}

// keeps reports whether a template is approved, in whatever language.
func (s *Server) keeps(template string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, known := s.o.Templates[template]
	return known || slices.ContainsFunc(s.submitted, func(t *submission) bool {
		status, _ := t.status()
		return t.name == template && status == "APPROVED"
	})
}

// whatsAppTemplates lists the templates.
func (s *Server) whatsAppTemplates(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	list := make([]any, 0, len(s.o.Templates)+len(s.submitted))
	for _, name := range slices.Sorted(maps.Keys(s.o.Templates)) {
		list = append(list, map[string]any{
			"id": fmt.Sprint(len(list) + 1), "name": name, "language": "en", "status": "APPROVED", "category": "MARKETING",
			"components": []any{map[string]any{"type": "BODY", "text": s.o.Templates[name]}},
		})
	}
	for _, t := range s.submitted {
		t.listed++
		status, reason := t.status()
		list = append(list, map[string]any{
			"id": fmt.Sprint(len(list) + 1), "name": t.name, "language": t.language, "status": status, "category": t.category, "rejected_reason": reason,
			"components": t.components,
		})
	}
	s.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"data": list})
}

// fakeMedia begins the ids of files; Meta's are numbers, too.
const fakeMedia = "7700"

// mediaIn finds the file that a message names.
var mediaIn = regexp.MustCompile(`"id":"(` + fakeMedia + `[0-9]+)"`)

// whatsAppMedia takes a file, and gives an id for it.
func (s *Server) whatsAppMedia(w http.ResponseWriter, r *http.Request) {
	said, files, err := formOf(r)
	file := files["file"]
	if err != nil || file.size == 0 || said.Get("messaging_product") != "whatsapp" || said.Get("type") == "" {
		refuseWhatsApp(w, http.StatusBadRequest, 100, "messaging_product, type and a file of at most 100 MB are required")
		return
	}
	id := fmt.Sprintf("%s%012d", fakeMedia, s.ids.Add(1))
	s.media.Store(id, true)
	s.tell(Message{To: "media", Text: fmt.Sprintf("%s %s of %d bytes is %s", said.Get("type"), file.name, file.size, id)})
	answer(w, http.StatusOK, map[string]any{"id": id})
}

// keepsMedia reports whether there is a file of an id.
func (s *Server) keepsMedia(id string) bool {
	_, kept := s.media.Load(id)
	return kept
}
