package fakes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Postmark starts a fake of Postmark's API. It takes any server's token, which must be there, and
// presents the secret behind ?token= in the address to which it reports.
func Postmark(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		s.most, s.presents = maxMail, true
		mux := http.NewServeMux()
		mux.HandleFunc("POST /email/batch", s.postmarkBatch)
		mux.HandleFunc("GET /message-streams", func(w http.ResponseWriter, _ *http.Request) {
			answer(w, http.StatusOK, map[string]any{"TotalCount": len(postmarkStreams), "MessageStreams": []any{
				map[string]any{"ID": "broadcast", "MessageStreamType": "Broadcasts"}, map[string]any{"ID": "outbound", "MessageStreamType": "Transactional"},
			}})
		})
		mux.HandleFunc("GET /messages/outbound", s.postmarkSearch)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Postmark-Server-Token") == "" {
				refusePostmark(w, http.StatusUnauthorized, 10, "No Account or Server API tokens were supplied in the HTTP headers.")
				return
			}
			mux.ServeHTTP(w, r)
		})
	})
}

// postmarkStreams are the message streams that a server has from the beginning.
var postmarkStreams = []string{"broadcast", "outbound"}

// mostPostmark is the most messages of a batch.
const mostPostmark = 500

// postmarkMail is a message of a batch.
type postmarkMail struct {
	From, To, Subject, TextBody, HTMLBody, MessageStream string
	Metadata                                             map[string]string
}

// postmarkRefused is what is said of what is not taken.
func postmarkRefused(code int, message string) map[string]any {
	return map[string]any{"ErrorCode": code, "Message": message}
}

func refusePostmark(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, postmarkRefused(code, message))
}

// refused is with which code and words a message is; 0 for one that is taken.
func (m *postmarkMail) refused() (code int, message string) {
	to := addressOf(m.To)
	switch {
	case addressOf(m.From) == "":
		return 300, "Invalid 'From' address: '" + m.From + "'."
	case to == "":
		return 300, "Invalid 'To' address: '" + m.To + "'."
	case m.TextBody == "" && m.HTMLBody == "":
		return 300, "Provide either email TextBody or HtmlBody or both."
	case !slices.Contains(postmarkStreams, m.MessageStream):
		return 1235, "The 'MessageStream' provided does not exist on this server."
	case mailFate(to) == Unknown:
		return 406, "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: " + to + "."
	}
	return 0, ""
}

// postmarkBatch takes messages, or not.
func (s *Server) postmarkBatch(w http.ResponseWriter, r *http.Request) {
	var asked []postmarkMail
	switch err := json.NewDecoder(r.Body).Decode(&asked); {
	case err != nil:
		refusePostmark(w, http.StatusUnprocessableEntity, 402, "Received invalid JSON input.")
		return
	case len(asked) > mostPostmark:
		refusePostmark(w, http.StatusUnprocessableEntity, 410, "You have exceeded the maximum number of messages in a single batch.")
		return
	}
	hurried := false
	for i := range asked {
		if to := addressOf(asked[i].To); s.mailTooFast(to) {
			hurried = true
			s.tell(Message{To: to, Text: asked[i].Subject, Refused: "429"})
		}
	}
	if hurried { // which Postmark says of a request as a whole
		w.Header().Set("Retry-After", "1")
		refusePostmark(w, http.StatusTooManyRequests, 429, "Rate limit exceeded.")
		return
	}
	said := make([]map[string]any, len(asked))
	taken := map[string]*postmarkMail{}
	for i := range asked {
		m := &asked[i]
		to := addressOf(m.To)
		told := Message{To: to, Text: strings.TrimSpace(m.Subject + " " + m.TextBody)}
		if code, message := m.refused(); code != 0 {
			said[i], told.Refused = postmarkRefused(code, message), fmt.Sprint(code)
			s.tell(told)
			continue
		}
		s.tell(told)
		id := fmt.Sprintf("fa4e0000-0000-4000-8000-%012d", s.ids.Add(1))
		said[i] = map[string]any{"To": to, "SubmittedAt": s.o.Clock.Now().UTC().Format(time.RFC3339), "MessageID": id, "ErrorCode": 0, "Message": "OK"}
		taken[id] = m
		for name, value := range m.Metadata {
			s.keepMail(name+"="+value, map[string]any{"MessageID": id, "Status": "Sent", "Recipients": []string{to}, "Metadata": m.Metadata})
		}
	}
	answer(w, http.StatusOK, said)
	for id, m := range taken {
		for _, end := range mailEnds(mailFate(addressOf(m.To))) {
			s.postmarkReport(id, m, end)
		}
	}
}

// postmarkSearch finds messages by their metadata, which is the one thing by which it looks.
func (s *Server) postmarkSearch(w http.ResponseWriter, r *http.Request) {
	found := []any{}
	for name, values := range r.URL.Query() {
		if key, ours := strings.CutPrefix(name, "metadata_"); ours {
			found = append(found, s.mailsOf(key+"="+values[0])...)
		}
	}
	answer(w, http.StatusOK, map[string]any{"TotalCount": len(found), "Messages": found})
}

// postmarkReport reports what became of a message.
func (s *Server) postmarkReport(id string, m *postmarkMail, end mailEnd) {
	to, now := addressOf(m.To), s.o.Clock.Now().UTC().Format(time.RFC3339)
	said := map[string]any{"MessageID": id, "MessageStream": m.MessageStream, "Metadata": m.Metadata, "ServerID": 1, "Tag": ""}
	switch end {
	case mailDelivered:
		said["RecordType"], said["Recipient"], said["DeliveredAt"], said["Details"] = "Delivery", to, now, "250 OK"
	case mailBounced:
		said["RecordType"], said["Type"], said["TypeCode"], said["Name"], said["Inactive"] = "Bounce", "HardBounce", 1, "Hard bounce", true
		said["Description"] = "The server was unable to deliver your message (ex: unknown user, mailbox not found)."
		said["Email"], said["BouncedAt"], said["Details"] = to, now, "smtp;550 5.1.1 The email account that you tried to reach does not exist."
	case mailComplained:
		said["RecordType"], said["Type"], said["TypeCode"], said["Name"] = "SpamComplaint", "SpamComplaint", 100001, "Spam complaint"
		said["Email"], said["BouncedAt"] = to, now
	}
	body, err := json.Marshal(said)
	if err != nil {
		return
	}
	s.reportLater(report{http.Header{"Content-Type": {"application/json"}}, body})
}
