package api_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/access"
	"carillon/internal/clock"
	"carillon/providers"
	"carillon/store/sqldb"
)

// fill makes one thing of every kind in an account. What it is called here is how paths,
// queries and bodies call it.
func (w *walk) fill(header []string, account int64, marker string) map[string]string {
	w.t.Helper()
	f := filling{walk: w, header: header, made: map[string]string{
		"version": "1", "language": "en", "kind": "email", "account_id": fmt.Sprint(account), "accounts": fmt.Sprint(account), "events": marker + "_event",
	}}
	secretText := marker + "@hidden"
	address, second := marker+".one@example.org", marker+".two@example.org"
	f.keep("channels channel_id", "POST", "/v1/channels", `{"name":"`+marker+` news","provider":"sandbox","timezone":"UTC"}`)
	f.keep("categories category_id", "POST", "/v1/categories", `{"name":"`+marker+` offers"}`)
	f.keep("groups group_id", "POST", "/v1/groups", `{"name":"`+marker+` group"}`)
	f.keep("labels label_id", "POST", "/v1/labels", `{"name":"`+marker+` label"}`)
	f.keep("contacts contact_id", "POST", "/v1/contacts",
		`{"external_id":"`+marker+`-1","first_name":"`+secretText+`","addresses":{"email":"`+address+`","phone":"+49151`+phone(marker)+`"}}`)
	f.keep("other_contact", "POST", "/v1/contacts", `{"first_name":"`+secretText+`","addresses":{"email":"`+second+`"}}`)
	for _, list := range []string{"categories", "groups", "labels"} {
		f.post("/v1/"+list+"/@"+list+"/members", `{"contacts":[@contact_id,@other_contact]}`)
	}
	f.post("/v1/properties", `{"key":"`+marker+`_plan","type":"text"}`)
	f.post("/v1/snippets", `{"name":"`+marker+`-greeting","text":"`+secretText+`"}`)
	f.send("PUT", "/v1/variables/"+marker+"_number", `{"value":"`+secretText+`"}`)
	f.made["properties"], f.made["snippets"], f.made["variables"] = marker+"_plan", marker+"-greeting", marker+"_number"
	rule := `{"condition":"AND","rules":[{"field":"first_name","operator":"is_not_empty"}]}`
	f.keep("attributes", "POST", "/v1/attributes", `{"key":"`+marker+`_level","name":"`+marker+` level","display":"text"}`)
	f.keep("targeting targeting_id", "POST", "/v1/targeting", `{"name":"`+marker+` people","rule":`+rule+`}`)
	f.keep("filters", "POST", "/v1/filters", `{"name":"`+marker+` filter","rule":`+rule+`}`)
	f.keep("holidays", "POST", "/v1/holidays", `{"name":"`+marker+` days","dates":["2026-12-25"]}`)
	f.keep("frequency-caps", "POST", "/v1/frequency-caps", `{"max_messages":50,"window_seconds":86400}`)
	f.keep("series series_id", "POST", "/v1/series", `{"name":"`+marker+` series"}`)
	f.keep("templates template_id", "POST", "/v1/templates", `{"name":"`+marker+`_template","category":"marketing","default_language":"en","kinds":["email"],
		"translations":[{"language":"en","email":{"subject":"Hello","html":"<p>`+secretText+`</p>"}}]}`)
	f.keep("media media_id", "POST", "/v1/media?name="+marker+".txt", marker)
	f.post("/v1/suppressions", `{"kind":"email","address":"`+marker+`.gone@example.org","reason":"`+secretText+`"}`)
	f.upload(marker)
	f.events(marker)
	f.sends(secretText, address)
	f.flows(marker)
	f.keep("webhooks", "POST", "/v1/webhooks", `{"url":"https://example.org/`+marker+`","events":["message.sent"]}`)
	f.keep("identity-providers", "POST", "/v1/identity-providers", `{"name":"`+marker+` login","issuer":"https://`+marker+`.example.org",`+
		`"client_id":"x","client_secret":"y","default_role":"viewer"}`)
	f.keep("deliveries", "POST", "/v1/webhooks/@webhooks/test", "")
	f.keep("keys key_id", "POST", "/v1/keys", `{"name":"`+marker+` program","role":"sender"}`)
	f.people(marker)
	f.post("/v1/contacts/bulk", `{"action":"add","list":"`+marker+` group","all":true}`)
	f.first("jobs", "/v1/jobs")
	f.keep("clearings", "DELETE", "/v1/queue?channel_id=@channel_id", "")
	for name, value := range map[string]string{
		"address": address, "email": address, "phone": "+49151" + phone(marker), "recipient": address, "external_id": marker + "-1", "q": marker, "search": marker,
		"group": f.made["groups"], "label": marker, "tag": marker, "category": marker, "metadata": "order:" + marker,
		"channel":      strings.ReplaceAll(marker+" news", " ", "%20"),
		"channel_name": marker + " news", "category_name": marker + " offers", "campaign_name": marker + " spring", "group_name": marker + " group",
		"signing-keys": marker + "-key", "label_name": marker + " label", "series_name": marker + " series", "targeting_name": marker + " people",
		"snippet_name":  marker + "-greeting",
		"template_name": marker + "_template", "property_name": marker + "_plan", "step": marker,
	} {
		f.made[name] = value
	}
	f.trail()
	return f.made
}

// trail seals the entries of what was done, and notes what the newest one says.
func (f filling) trail() {
	f.t.Helper()
	newest := f.send("GET", "/v1/audit?limit=1", "")["items"].([]any)[0].(map[string]any)
	for _, name := range []string{"actor", "action", "target", "request_id"} {
		f.made[name] = url.QueryEscape(newest[name].(string))
	}
	_, err := f.store.SealAudit(f.t.Context())
	require.NoError(f.t, err)
	f.made["head"] = f.send("GET", "/v1/audit/verify", "")["head"].(string)
	// This one has no place when the account is deleted.
	f.post("/v1/labels", `{"name":"@channel_name later"}`)
}

// phone is the end of a phone number of an account's.
func phone(marker string) string {
	if marker == "okapi" {
		return "23456777"
	}
	return "23456123"
}

// filling is an account that is being filled with its own key.
type filling struct {
	*walk
	header []string
	made   map[string]string
}

func (f filling) send(method, path, body string) map[string]any {
	f.t.Helper()
	return f.ok(method, put(path, f.made), put(body, f.made), f.header...)
}

func (f filling) post(path, body string) { f.t.Helper(); f.send("POST", path, body) }

// keep makes something and notes its id under the names.
func (f filling) keep(names, method, path, body string) {
	f.t.Helper()
	out := f.send(method, path, body)
	require.Contains(f.t, out, "id", "%s %s", method, path)
	for _, name := range strings.Fields(names) {
		f.made[name] = fmt.Sprintf("%.0f", out["id"])
	}
}

// people are one who is in the account, and one who is invited.
func (f filling) people(marker string) {
	f.t.Helper()
	made := f.send("POST", "/v1/invitations", `{"email":"`+marker+`.ada@example.org","role":"viewer"}`)
	f.keep("users", "POST", "/v1/invitation/accept",
		fmt.Sprintf(`{"token":%q,"name":"%s@hidden","password":%q}`, made["token"], marker, goodPassword))
	userID, err := strconv.ParseInt(f.made["users"], 10, 64)
	require.NoError(f.t, err)
	k, _, err := f.store.AddPasskey(f.t.Context(), access.Passkey{UserID: userID, Name: marker + " phone", Credential: []byte(marker), Key: []byte("key")}, nil, 0)
	require.NoError(f.t, err)
	f.made["passkeys"] = fmt.Sprint(k.ID)
	f.keep("invitations", "POST", "/v1/invitations", `{"email":"`+marker+`.eve@example.org","role":"viewer"}`)
}

// first notes the id of the first item of a list.
func (f filling) first(names, path string) {
	f.t.Helper()
	items := f.send("GET", path, "")["items"].([]any)
	require.NotEmpty(f.t, items, path)
	for _, name := range strings.Fields(names) {
		f.made[name] = idOf(items[0])
	}
}

func (f filling) upload(marker string) {
	f.t.Helper()
	body, kind := upload(marker+".csv", "email,first_name\n"+marker+".three@example.org,Three\nnonsense,Four\n")
	out := f.ok("POST", "/v1/contacts/import", body, append([]string{"Content-Type", kind}, f.header...)...)
	f.made["uploads"], f.made["upload_id"] = fmt.Sprintf("%.0f", out["id"]), fmt.Sprintf("%.0f", out["id"])
	ran, err := f.importer.RunNext(f.t.Context())
	require.NoError(f.t, err)
	require.True(f.t, ran)
}

// events are what is told of contacts, and what they say themselves.
func (f filling) events(marker string) {
	f.t.Helper()
	f.post("/v1/events/"+marker+"_event", `{"events":[{"contact_id":@contact_id,"id":"1"}]}`)
	f.post("/v1/contacts/@contact_id/opt-out", `{"category_id":@category_id,"kind":"email"}`)
	list, err := f.store.AllChannels(f.t.Context())
	require.NoError(f.t, err)
	at := slices.IndexFunc(list, func(c providers.Channel) bool { return fmt.Sprint(c.ID) == f.made["channel_id"] })
	_, err = f.Replies.Take(f.t.Context(), list[at], []providers.Reply{{ID: marker, From: marker + ".one@example.org", Text: "Hello " + marker + "@hidden"}})
	require.NoError(f.t, err)
	f.first("replies", "/v1/replies")
	f.keep("conversations", "POST", "/v1/conversations", `{"channel_id":@channel_id,"contact_id":@other_contact,"labels":["`+marker+`"]}`)
	f.keep("entries", "POST", "/v1/conversations/@conversations/notes", `{"text":"`+marker+`@hidden"}`)
}

// sends makes messages: single ones, and those of a campaign that is under way.
func (f filling) sends(text, address string) {
	f.t.Helper()
	marker, _, _ := strings.Cut(text, "@")
	content := `"content":{"subject":"Hello","text":"` + text + `"}`
	f.keep("messages message_id", "POST", "/v1/messages",
		`{"channel_id":@channel_id,"to":"`+address+`","series_id":@series_id,"metadata":{"order":"`+marker+`"},`+content+`}`)
	f.keep("campaigns campaign_id", "POST", "/v1/campaigns",
		`{"name":"`+marker+` spring","channel_id":@channel_id,"audience":{"all":true},"tags":["`+marker+`"],`+content+`}`)
	f.post("/v1/campaigns/@campaigns/start", `{"now":true}`)
	f.first("runs run_id", "/v1/campaigns/@campaigns/runs")
	f.plan()
}

// plan plans the runs that are to be planned.
func (w *walk) plan() {
	w.t.Helper()
	runs, err := w.store.RunsToPlan(w.t.Context())
	require.NoError(w.t, err)
	for _, run := range runs {
		_, err := w.store.PlanBatch(w.t.Context(), run, 100)
		require.NoError(w.t, err)
	}
}

// flows makes a flow with somebody inside.
func (f filling) flows(marker string) {
	f.t.Helper()
	f.keep("flows flow_id", "POST", "/v1/flows", `{"name":"`+marker+` welcome","channel_id":@channel_id,"steps":[{"id":"`+marker+`","kind":"send",
		"content":{"subject":"Hello","text":"`+marker+`@hidden"}},{"id":"later","kind":"wait","wait":{"for":"2d"}},{"id":"over","kind":"end"}]}`)
	f.post("/v1/flows/@flows/start", "")
	f.post("/v1/flows/@flows/enter", `{"contacts":[{"id":@contact_id}]}`)
	_, err := f.store.MoveFlows(f.t.Context())
	require.NoError(f.t, err)
	f.first("sessions session_id", "/v1/flows/@flows/sessions")
}

// rawStore is a connection of the test's own.
type rawStore struct {
	t  *testing.T
	db *sqldb.DB
}

func openRaw(t *testing.T, dsn string) *rawStore {
	db, err := sqldb.Open(t.Context(), dsn, clock.System{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &rawStore{t, db}
}

func (r *rawStore) exec(query string, args ...any) {
	r.t.Helper()
	require.NoError(r.t, r.db.InTx(r.t.Context(), func(tx sqldb.Conn) error {
		_, err := tx.Exec(r.t.Context(), query, args...)
		return err
	}), query)
}

func (r *rawStore) texts(query string) []string {
	r.t.Helper()
	list, err := sqldb.Column[string](r.t.Context(), r.db.Reader(), query)
	require.NoError(r.t, err)
	return list
}

// begin has every table give ids from first on.
func (r *rawStore) begin(first int64) {
	if !r.db.Postgres() {
		for _, table := range r.texts("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'") {
			r.exec("DELETE FROM sqlite_sequence WHERE name = ?", table)
			r.exec("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, first)
		}
		return
	}
	for _, table := range r.texts(`SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES' AND ` +
		`column_name = 'id'`) {
		r.exec("SELECT setval(pg_get_serial_sequence(?, 'id'), ?)", table, first)
	}
}

// number has an account give numbers of its own from first on.
func (r *rawStore) number(account, first int64) {
	for _, kind := range r.texts("SELECT DISTINCT kind FROM account_numbers") {
		r.exec("INSERT INTO account_numbers (account_id, kind, last) VALUES (?, ?, ?)", account, kind, first)
	}
}

// unstored are tables that have nothing of an account.
var unstored = []string{"leases", "workers", "meta", "halts", "goose_db_version", "sqlite_sequence", "outbox_state"}

// ownOrder is a job, made after account B was, whose order is kept as it was written: it may name
// what is not there. So does what an operator did in the trail.
var ownOrder = regexp.MustCompile(`^(jobs|audit) \(?88`)

// rowsOf are the rows of every table, as texts, in which something is like a pattern.
func (r *rawStore) rowsOf(pattern *regexp.Regexp) (rows []string) {
	r.t.Helper()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if r.db.Postgres() {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
	}
	for _, table := range r.texts(tables) {
		if slices.Contains(unstored, table) {
			continue
		}
		for _, row := range r.rows(r.t.Context(), table) {
			if pattern.MatchString(row) && !ownOrder.MatchString(row) {
				rows = append(rows, row)
			}
		}
	}
	slices.Sort(rows)
	return rows
}

// rows are those of a table, as texts.
func (r *rawStore) rows(ctx context.Context, table string) []string {
	r.t.Helper()
	if r.db.Postgres() {
		list, err := sqldb.Column[string](ctx, r.db.Reader(), "SELECT '"+table+" ' || CAST(t AS TEXT) FROM \""+table+"\" t")
		require.NoError(r.t, err)
		return list
	}
	columns := r.texts("SELECT name FROM pragma_table_info('" + table + "')")
	for i, column := range columns {
		columns[i] = `quote("` + column + `")`
	}
	list, err := sqldb.Column[string](ctx, r.db.Reader(), "SELECT '"+table+" ' || "+strings.Join(columns, " || ' ' || ")+" FROM \""+table+"\"")
	require.NoError(r.t, err)
	return list
}
