package fakes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
)

// Telegram starts a fake of Telegram's Bot API. It takes any bot's token, and presents the secret
// as the one that was given to setWebhook.
func Telegram(o Options) (*Server, error) {
	return start(o, func(s *Server) http.Handler {
		mux := http.NewServeMux()
		s.writes = s.telegramPosts
		mux.HandleFunc("POST /written", s.written)
		mux.HandleFunc("/{bot}/{call}", s.telegramCall)
		return mux
	})
}

// Forms of Telegram's.
var (
	telegramBot  = regexp.MustCompile(`^bot([0-9]+):[A-Za-z0-9_-]{20,}$`)
	telegramChat = regexp.MustCompile(`^(-?[0-9]{1,16}|@[A-Za-z0-9_]{5,32})$`)
	telegramFile = regexp.MustCompile(`^https?://`)
)

// telegramNeeds are the parameters without which a call is refused, beside the chat's. The first
// of a call for a file is the file.
var telegramNeeds = map[string][]string{
	"sendMessage": {"text"}, "sendPhoto": {"photo"}, "sendVideo": {"video"}, "sendAnimation": {"animation"}, "sendAudio": {"audio"},
	"sendVoice": {"voice"}, "sendDocument": {"document"}, "sendLocation": {"latitude", "longitude"},
	"sendVenue": {"latitude", "longitude", "title", "address"},
}

// Bounds of Telegram's, in units of UTF-16.
const (
	telegramText    = 4096
	telegramCaption = 1024
)

// refuseTelegram refuses as Telegram does.
func refuseTelegram(w http.ResponseWriter, status int, description string, parameters map[string]any) {
	said := map[string]any{"ok": false, "error_code": status, "description": description}
	if parameters != nil {
		said["parameters"] = parameters
	}
	answer(w, status, said)
}

// telegramCall answers a call of a bot.
func (s *Server) telegramCall(w http.ResponseWriter, r *http.Request) {
	bot := telegramBot.FindStringSubmatch(r.PathValue("bot"))
	call := r.PathValue("call")
	needs, known := telegramNeeds[call]
	switch {
	case bot == nil:
		refuseTelegram(w, http.StatusUnauthorized, "Unauthorized", nil)
	case call == "getMe":
		answer(w, http.StatusOK, map[string]any{"ok": true, "result": map[string]any{
			"id": json.Number(bot[1]), "is_bot": true, "first_name": "News", "username": "news_bot",
		}})
	case !known:
		refuseTelegram(w, http.StatusNotFound, "Not Found", nil)
	default:
		s.telegramMessage(w, r, needs)
	}
}

// telegramGiven reads the parameters of a call, as JSON or a form; files are those that it carries.
func telegramGiven(r *http.Request) (given map[string]string, files map[string]formFile, err error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		values, files, err := formOf(r)
		given = map[string]string{}
		for name := range values {
			given[name] = values.Get(name)
		}
		return given, files, err
	}
	var parameters map[string]any
	decoder := json.NewDecoder(r.Body)
	decoder.UseNumber() // a chat's has up to 52 bits, and stays as it is written
	err = decoder.Decode(&parameters)
	given = map[string]string{}
	for name, value := range parameters {
		given[name] = fmt.Sprint(value)
	}
	return given, nil, err
}

// telegramMessage takes a message, or not.
func (s *Server) telegramMessage(w http.ResponseWriter, r *http.Request, needs []string) {
	given, files, err := telegramGiven(r)
	if err != nil {
		refuseTelegram(w, http.StatusBadRequest, "Bad Request: can't parse the parameters", nil)
		return
	}
	chat, kind := given["chat_id"], needs[0]
	m := Message{To: chat, Text: strings.TrimSpace(given["text"] + given["title"] + " " + given["caption"])}
	refuse := func(status int, description string, parameters map[string]any) {
		m.Refused = fmt.Sprint(status)
		s.tell(m)
		refuseTelegram(w, status, description, parameters)
	}
	if wrong := s.telegramWrong(given, files, needs); wrong != "" {
		refuse(http.StatusBadRequest, "Bad Request: "+wrong, nil)
		return
	}
	group := strings.HasPrefix(chat, "-")
	switch fate := fateOf(chat); {
	case fate == Unknown:
		refuse(http.StatusForbidden, "Forbidden: bot was blocked by the user", nil)
		return
	case fate == Closed:
		refuse(http.StatusForbidden, "Forbidden: bot can't initiate conversation with a user", nil)
		return
	case fate == Throttled && s.hurried(chat):
		refuse(http.StatusTooManyRequests, "Too Many Requests: retry after 1", map[string]any{"retry_after": 1})
		return
	case group && strings.HasSuffix(chat, "05") && !strings.HasPrefix(chat, supergroup):
		moved := json.Number(supergroup + strings.TrimPrefix(chat, "-"))
		refuse(http.StatusBadRequest, "Bad Request: group chat was upgraded to a supergroup chat", map[string]any{"migrate_to_chat_id": moved})
		return
	}
	result := map[string]any{"message_id": s.ids.Add(1), "date": s.o.Clock.Now().Unix(), "chat": map[string]any{"id": chat, "type": "private"}}
	if !strings.HasPrefix(chat, "@") {
		result["chat"] = map[string]any{"id": json.Number(chat), "type": map[bool]string{true: "supergroup", false: "private"}[group]}
	}
	if given[kind] != "" && kind == "text" {
		result["text"] = given[kind]
	}
	if file := s.telegramKeeps(given, files, kind); file != "" {
		kept := map[string]any{"file_id": file}
		if result[kind] = kept; kind == "photo" {
			result[kind] = []any{kept}
		}
		m.Text = strings.TrimSpace(kind + " " + file + " " + m.Text)
	}
	s.tell(m)
	answer(w, http.StatusOK, map[string]any{"ok": true, "result": result})
}

// supergroup begins the number of one.
const supergroup = "-100"

// telegramWrong says what is wrong with a message, whomever it is for; empty if nothing is.
func (s *Server) telegramWrong(given map[string]string, files map[string]formFile, needs []string) string {
	if !telegramChat.MatchString(given["chat_id"]) {
		return "chat not found"
	}
	for _, name := range needs {
		if _, carried := files[name]; !carried && given[name] == "" {
			return "message " + name + " is empty"
		}
	}
	kind := needs[0]
	_, kept := s.media.Load(given[kind])
	_, carried := files[kind]
	switch {
	case len(utf16.Encode([]rune(given["text"]))) > telegramText:
		return "message is too long"
	case len(utf16.Encode([]rune(given["caption"]))) > telegramCaption:
		return "message caption is too long"
	case isFile(kind) && !carried && !kept && !telegramFile.MatchString(given[kind]):
		return "wrong file identifier/HTTP URL specified"
	}
	return ""
}

// isFile reports whether the first parameter that a call needs is a file.
func isFile(kind string) bool { return kind != "text" && kind != "latitude" }

// telegramKeeps is the id of the file of a message, by which it can be sent again; empty without one.
func (s *Server) telegramKeeps(given map[string]string, files map[string]formFile, kind string) string {
	if !isFile(kind) {
		return ""
	}
	if _, carried := files[kind]; !carried && !telegramFile.MatchString(given[kind]) {
		return given[kind]
	}
	id := fmt.Sprintf("AgACFAKE%012d", s.ids.Add(1))
	s.media.Store(id, true)
	return id
}

// telegramPosts hands on what somebody wrote.
func (s *Server) telegramPosts(_, from, text string, at time.Time) {
	body, err := json.Marshal(map[string]any{"update_id": s.ids.Add(1), "message": map[string]any{
		"message_id": s.ids.Add(1), "date": at.Unix(), "text": text,
		"from": map[string]any{"id": json.Number(from), "is_bot": false, "first_name": "Somebody"},
		"chat": map[string]any{"id": json.Number(from), "type": "private", "first_name": "Somebody"},
	}})
	if err != nil {
		return // of a number that begins with zeros
	}
	s.reportLater(report{http.Header{"Content-Type": {"application/json"}, "X-Telegram-Bot-Api-Secret-Token": {s.o.Secret}}, body})
}
