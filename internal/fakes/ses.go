package fakes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// SES starts a fake of the API of Amazon SES (version 2). It takes any access key whose signature is
// there, and reports nothing: SNS proves what it posts by certificates that Amazon alone has.
func SES(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		s.most = maxMail
		mux := http.NewServeMux()
		mux.HandleFunc("POST /v2/email/outbound-emails", s.sesMail)
		mux.HandleFunc("POST /v2/email/outbound-bulk-emails", s.sesBulk)
		mux.HandleFunc("GET /v2/email/account", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{
				"ProductionAccessEnabled": true, "SendingEnabled": true, "EnforcementStatus": "HEALTHY",
				"SendQuota": map[string]any{"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": float64(s.ids.Load())},
			})
		})
		mux.HandleFunc("GET /v2/email/identities/{identity}", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"VerifiedForSendingStatus": true})
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=") {
				refuseSES(w, http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// refuseSES refuses as SES does.
func refuseSES(w http.ResponseWriter, status int, name, message string) {
	w.Header().Set("X-Amzn-Errortype", name)
	answer(w, status, map[string]any{"message": message})
}

// sesTo is whom a mail is for.
type sesTo struct{ ToAddresses []string }

// address is the recipient's; empty unless there is one.
func (t sesTo) address() string {
	if len(t.ToAddresses) != 1 {
		return ""
	}
	return addressOf(t.ToAddresses[0])
}

// sesUnverified is how SES refuses to write to somebody: as long as an account is in the sandbox.
func sesUnverified(address string) string {
	return "Email address is not verified. The following identities failed the check in region EU-WEST-1: " + address
}

// sesID is the id of a message that is taken.
func (s *Server) sesID() string {
	return fmt.Sprintf("0102018e4b9a3b7c-%08d-aaaa-bbbb-cccc-1234567890ab-000000", s.ids.Add(1))
}

// sesMail takes a mail, or not.
func (s *Server) sesMail(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		FromEmailAddress string
		Destination      sesTo
		Content          struct {
			Simple struct {
				Subject struct{ Data string }
				Body    struct {
					Text struct{ Data string }
				}
			}
		}
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	to, simple := asked.Destination.address(), asked.Content.Simple
	m := Message{To: to, Text: strings.TrimSpace(simple.Subject.Data + " " + simple.Body.Text.Data)}
	refuse := func(status int, name, message string) {
		m.Refused = name
		s.tell(m)
		refuseSES(w, status, name, message)
	}
	switch {
	case err != nil, addressOf(asked.FromEmailAddress) == "", simple.Subject.Data == "":
		refuse(http.StatusBadRequest, "BadRequestException", "The request is not one of a mail.")
	case to == "":
		refuse(http.StatusBadRequest, "BadRequestException", "Illegal address")
	case mailFate(to) == Unknown:
		refuse(http.StatusBadRequest, "MessageRejected", sesUnverified(to))
	case s.mailTooFast(to):
		refuse(http.StatusTooManyRequests, "TooManyRequestsException", "Maximum sending rate exceeded.")
	default:
		s.tell(m)
		answer(w, http.StatusOK, map[string]any{"MessageId": s.sesID()})
	}
}

// mostSES is the most mails of one request.
const mostSES = 50

// sesBulk takes mails that one template makes, each or not.
func (s *Server) sesBulk(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		FromEmailAddress string
		BulkEmailEntries []struct {
			Destination             sesTo
			ReplacementEmailContent struct {
				ReplacementTemplate struct{ ReplacementTemplateData string }
			}
		}
	}
	err := json.NewDecoder(r.Body).Decode(&asked)
	if n := len(asked.BulkEmailEntries); err != nil || n == 0 || n > mostSES || addressOf(asked.FromEmailAddress) == "" {
		refuseSES(w, http.StatusBadRequest, "BadRequestException", "The request is not one of 1 to 50 mails.")
		return
	}
	said := make([]map[string]any, len(asked.BulkEmailEntries))
	for i, entry := range asked.BulkEmailEntries {
		to := entry.Destination.address()
		var words struct{ Subject, Text string }
		_ = json.Unmarshal([]byte(entry.ReplacementEmailContent.ReplacementTemplate.ReplacementTemplateData), &words) // else there are none to tell
		m := Message{To: to, Text: strings.TrimSpace(words.Subject + " " + words.Text)}
		refused := func(status, message string) map[string]any {
			m.Refused = status
			return map[string]any{"Status": status, "Error": message}
		}
		switch {
		case to == "":
			said[i] = refused("INVALID_PARAMETER", "Illegal address")
		case mailFate(to) == Unknown:
			said[i] = refused("MESSAGE_REJECTED", sesUnverified(to))
		case s.mailTooFast(to):
			said[i] = refused("ACCOUNT_THROTTLED", "Maximum sending rate exceeded.")
		default:
			said[i] = map[string]any{"Status": "SUCCESS", "MessageId": s.sesID()}
		}
		s.tell(m)
	}
	answer(w, http.StatusOK, map[string]any{"BulkEmailEntryResults": said})
}
