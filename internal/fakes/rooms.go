package fakes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf16"
)

// Slack starts a fake of Slack's incoming webhooks. It takes any webhook; what becomes of messages
// is decided by its number.
func Slack(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /services/{team}/{webhook}/{token}", s.slackMessage)
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no_service", http.StatusNotFound) })
		return mux
	})
}

// slackMessage takes a message, or not. Slack answers with a word.
func (s *Server) slackMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Text string `json:"text"`
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	m := Message{To: r.PathValue("webhook"), Text: asked.Text}
	refuse := func(status int, word string) {
		m.Refused = word
		s.tell(m)
		http.Error(w, word, status)
	}
	switch fate := fateOf(m.To); {
	case err != nil:
		refuse(http.StatusBadRequest, "invalid_payload")
	case asked.Text == "":
		refuse(http.StatusBadRequest, "no_text")
	case fate == Unknown:
		refuse(http.StatusNotFound, "no_service")
	case fate == Closed:
		refuse(http.StatusGone, "channel_is_archived")
	case fate == Throttled && s.hurried(m.To):
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusTooManyRequests, "rate_limited")
	default:
		s.tell(m)
		_, _ = fmt.Fprint(w, "ok") // who asked has left
	}
}

// Discord starts a fake of Discord's webhooks. It takes any; what becomes of messages is decided
// by its number.
func Discord(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		for _, path := range []string{"/api/webhooks/{webhook}/{token}", "/api/{version}/webhooks/{webhook}/{token}"} {
			mux.HandleFunc("POST "+path, s.discordMessage)
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
				if fateOf(r.PathValue("webhook")) == Unknown {
					refuseDiscord(w, http.StatusNotFound, 10015, "Unknown Webhook")
					return
				}
				answer(w, http.StatusOK, map[string]any{"id": r.PathValue("webhook"), "type": 1, "name": "news"})
			})
		}
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			refuseDiscord(w, http.StatusNotFound, 0, "404: Not Found")
		})
		return mux
	})
}

// refuseDiscord refuses as Discord does.
func refuseDiscord(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"message": message, "code": code})
}

// discordText bounds a text, in units of UTF-16.
const discordText = 2000

// discordMessage takes a message, or not.
func (s *Server) discordMessage(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Content string `json:"content"`
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	webhook := r.PathValue("webhook")
	m := Message{To: webhook, Text: asked.Content}
	refuse := func(status, code int, message string) {
		m.Refused = fmt.Sprint(code)
		s.tell(m)
		refuseDiscord(w, status, code, message)
	}
	switch fate := fateOf(webhook); {
	case err != nil:
		refuse(http.StatusBadRequest, 50109, "The request body contains invalid JSON.")
	case asked.Content == "":
		refuse(http.StatusBadRequest, 50006, "Cannot send an empty message")
	case len(utf16.Encode([]rune(asked.Content))) > discordText:
		refuse(http.StatusBadRequest, 50035, "Invalid Form Body")
	case fate == Unknown:
		refuse(http.StatusNotFound, 10015, "Unknown Webhook")
	case fate == Closed:
		refuse(http.StatusForbidden, 50013, "Missing Permissions")
	case fate == Throttled && s.hurried(webhook):
		m.Refused = "429"
		s.tell(m)
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusTooManyRequests, map[string]any{"message": "You are being rate limited.", "retry_after": 0.35, "global": false})
	default:
		s.tell(m)
		if r.URL.Query().Get("wait") != "true" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		answer(w, http.StatusOK, map[string]any{
			"id": fmt.Sprintf("113456789%010d", s.ids.Add(1)), "type": 0, "webhook_id": webhook, "content": asked.Content,
		})
	}
}

// Teams starts a fake of the workflows by which Microsoft Teams is written to. It takes any that
// has a signature; what becomes of messages is decided by its number.
func Teams(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /powerautomate/automations/direct/workflows/{workflow}/triggers/manual/paths/invoke", s.teamsMessage)
		mux.HandleFunc("POST /workflows/{workflow}/triggers/manual/paths/invoke", s.teamsMessage)
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			refuseTeams(w, http.StatusNotFound, "WorkflowNotFound", "The workflow could not be found.")
		})
		return mux
	})
}

// refuseTeams refuses as Power Automate does.
func refuseTeams(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]any{"code": code, "message": message}})
}

// teamsCard is what a workflow takes: a message with one Adaptive Card, as far as it has words.
type teamsCard struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string `json:"contentType"`
		Content     struct {
			Body []struct {
				Text    string `json:"text"`
				Inlines []struct {
					Text string `json:"text"`
				} `json:"inlines"`
				Actions []struct {
					Title string `json:"title"`
				} `json:"actions"`
			} `json:"body"`
		} `json:"content"`
	} `json:"attachments"`
}

// text is what is read on the card.
func (c *teamsCard) text() string {
	var lines []string
	for _, a := range c.Attachments {
		for _, e := range a.Content.Body {
			line := e.Text
			for _, run := range e.Inlines {
				line += run.Text
			}
			for _, a := range e.Actions {
				line += " [" + a.Title + "]"
			}
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return strings.Join(lines, "\n")
}

// teamsMessage takes a message, or not.
func (s *Server) teamsMessage(w http.ResponseWriter, r *http.Request) {
	var asked teamsCard
	err := json.NewDecoder(r.Body).Decode(&asked)
	m := Message{To: r.PathValue("workflow"), Text: asked.text()}
	refuse := func(status int, code, message string) {
		m.Refused = code
		s.tell(m)
		refuseTeams(w, status, code, message)
	}
	query := r.URL.Query()
	switch fate := fateOf(m.To); {
	case query.Get("api-version") == "":
		refuse(http.StatusBadRequest, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	case query.Get("sig") == "":
		refuse(http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
	case fate == Unknown:
		refuse(http.StatusNotFound, "WorkflowNotFound", "The workflow could not be found.")
	case fate == Closed:
		refuse(http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", "The workflow is not enabled.")
	case err != nil, asked.Type != "message", len(asked.Attachments) != 1,
		asked.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive":
		refuse(http.StatusBadRequest, "TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did not match its schema definition.")
	case fate == Throttled && s.hurried(m.To):
		w.Header().Set("Retry-After", "1")
		refuse(http.StatusTooManyRequests, "WorkflowRunInProgressLimitReached", "The limit of runs in progress was reached.")
	default:
		s.tell(m)
		w.WriteHeader(http.StatusAccepted)
	}
}
