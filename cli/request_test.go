package cli

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"carillon/api"
)

// TestEveryRequestIsInTheDocument runs every command that asks the API, against a
// recorder, and looks each request up in the API's own document: its path, its
// method and the names in its query. testdata/requests.txt shows what each asks.
func TestEveryRequestIsInTheDocument(t *testing.T) {
	rule := filepath.Join(t.TempDir(), "rule.json")
	require.NoError(t, os.WriteFile(rule, []byte(`{"field":"email","operator":"is_not_empty"}`), 0o600))
	csv := filepath.Join(t.TempDir(), "people.csv")
	out := filepath.Join(t.TempDir(), "out")
	answers := filepath.Join(t.TempDir(), "answers.json")
	events := filepath.Join(t.TempDir(), "events.ndjson")
	require.NoError(t, os.WriteFile(events, []byte(`{"contact_id":1,"id":"a"}`+"\n"), 0o600))
	require.NoError(t, os.WriteFile(answers, []byte(`{"stars":["5",""]}`), 0o600))
	source := httptest.NewServer(http.HandlerFunc(otherSystem))
	defer source.Close()
	document := readDocument(t)
	asked := &recorder{segments: map[string]bool{}}
	var requests strings.Builder
	ran := map[string]bool{}
	note := func(what string) {
		fmt.Fprintf(&requests, "$ carillon %s\n", what)
		all := asked.take()
		require.NotEmpty(t, all, what)
		for _, r := range all {
			operation, err := document.find(r)
			require.NoError(t, err, "carillon %s", what)
			fmt.Fprintf(&requests, "%s\n", operation)
		}
	}
	run := func(line string) {
		args := strings.Fields(strings.NewReplacer("RULE", rule, "CSV", csv, "OUT", out, "ANSWERS", answers, "EVENTS", events,
			"SOURCE", source.URL, "FOLDER", filepath.Join(t.TempDir(), "from")).Replace(line))
		require.NoError(t, os.WriteFile(csv, []byte("email\nada@example.org\n"), 0o600))
		c := &cli{in: strings.NewReader("y\n"), out: io.Discard, err: io.Discard, environ: []string{"CARILLON_KEY=x"},
			clock: impatient{}, terminal: true, transport: asked}
		require.Zero(t, c.execute(t.Context(), args), line)
		cmd, _, err := c.root().Find(args)
		require.NoError(t, err)
		ran[cmd.CommandPath()] = true
	}
	for _, line := range strings.Split(strings.TrimSpace(everyCommand), "\n") {
		asked.holds = strings.HasPrefix(line, "campaign preview")
		run(line)
		note(line)
	}
	// The demo starts a server of its own; what it asks of that is asked here.
	c := &cli{out: io.Discard, err: io.Discard, environ: []string{"CARILLON_KEY=x"}, clock: impatient{}, transport: asked}
	_, err := c.demoImport(t.Context())
	require.NoError(t, err)
	_, _, err = c.demoCampaign(t.Context(), api.ChannelInput{}, api.Upload{ID: 1})
	require.NoError(t, err)
	require.NoError(t, c.demoSend(t.Context(), api.Campaign{ID: 1}))
	require.NoError(t, c.demoWeek(t.Context(), api.Campaign{ID: 1}))
	require.NoError(t, c.demoWalk(t.Context(), api.Campaign{ID: 1}))
	phones, err := startPhones()
	require.NoError(t, err)
	require.NoError(t, c.demoReach(t.Context(), phones, "http://127.0.0.1:1"))
	require.NoError(t, phones.close())
	note("demo")

	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		if asks := cmd.GroupID == "work" || cmd.HasParent() && cmd.Parent().GroupID == "work"; asks && !cmd.HasSubCommands() {
			require.True(t, ran[cmd.CommandPath()], "%s: everyCommand has no line that runs it", cmd.CommandPath())
		}
	}
	walk((&cli{}).root())
	for segment, where := range segmentsInSource(t) {
		require.True(t, asked.segments[segment], "%s: no line of everyCommand asks for a path with %q", where, segment)
	}
	golden(t, "requests.txt", requests.String())
}

// A request that the API does not know is noticed, be it its path, its method or
// its query that is wrong.
func TestMisspeltRequestsAreFound(t *testing.T) {
	document := readDocument(t)
	for _, r := range []request{
		get(campaignsPath().below("prevew")), get(v1("campaign")), get(campaignsPath().id(1).below("prevew")),
		post(campaignsPath().id(1), nil), remove(campaignsPath()), put(channelsPath().id(1), nil),
		get(campaignsPath().with(query{"state": "draft"})), get(queuePath().with(query{"all": true})),
	} {
		sent, err := http.NewRequestWithContext(t.Context(), r.method, "http://127.0.0.1"+r.path.String(), nil)
		require.NoError(t, err)
		_, err = document.find(sent)
		require.Error(t, err, "%s %s", r.method, r.path)
	}
}

// otherSystem is a system to come from, with one of everything.
func otherSystem(w http.ResponseWriter, r *http.Request) {
	answer := `{}`
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/custom_attribute_definitions"), strings.HasSuffix(path, "/custom_filters"), strings.HasSuffix(path, "/get_flow_campaigns"):
		answer = `[]`
	case strings.HasSuffix(path, "/custom"):
		answer = `{"custom":[{"id":1,"name":"plan","type":"text"}]}`
	case strings.HasSuffix(path, "/newsletter/category"):
		answer = `{"list":{"1":"Weather"}}`
	case strings.HasSuffix(path, "/channel/labels"):
		answer = `{"labels":[{"id":1,"name":"vip"}]}`
	case strings.HasSuffix(path, "/targeting"):
		answer = `{"targeting":[{"id":11,"name":"All","query":[{"field":"name","operator":"is_not_empty"}]}]}`
	case strings.HasSuffix(path, "/templates"):
		answer = `{"templates":[{"name":"hello","translations":[{"language":"en","body":"Hello"}]}]}`
	case strings.HasSuffix(path, "/user"):
		answer = `{"user":[{"id":"4915112345671","messenger":"WB","status":"0","stopped":"1"}]}`
	}
	_, _ = io.WriteString(w, answer)
}

// everyCommand has a line for each command that asks the API, and one more for
// each flag that makes it ask for something else.
const everyCommand = `
import CSV --errors OUT
migrate-from messengerpeople --url SOURCE --key x --folder FOLDER
migrate-from chatwoot --url SOURCE --account 1 --key x --folder FOLDER
migrate-from chat44mp --url SOURCE --ids 1 --key x --folder FOLDER
accounts ls
accounts create shop
accounts show shop
accounts set shop --name trade
accounts set shop --max-contacts 5
account show
accounts delete shop --dry-run
accounts delete shop --confirm shop --wait 24h
accounts restore shop
uploads ls
uploads show 1
contacts ls --search a --email b --phone c --address telegram=1 --status active --group 3
contacts ls --order -name --page 2
contacts show 1
contacts export --group news --file OUT
contacts create --name Ada --attribute plan=free
contacts set 1 --name Ada
contacts addresses 1
contacts written 1 phone 0151
contacts value plan free 1 2
contacts rm 1
contacts merge 1 2
contacts bulk set --set plan=free --all
contacts opt-out 1
contacts opt-in 1
contacts consents 1
contacts erase 1
contacts data 1
conversations ls --status open --contact 1 --channel 1 --label vip --search Ada
conversations show 1
conversations create --channel 1 --contact 1
conversations set 1 --status resolved
conversations say 1 --text Hello
conversations note 1 Angry
conversations hide 1 2
properties ls
properties create age --type number --name Age
properties set age --type text --dry-run
properties rm age
attributes ls
attributes show 1
attributes create topic --of conversation --choice refund
attributes set 1 --name Topic
attributes rm 1
filters ls --kind report
filters show 1
filters create Gold --rule @RULE
filters set 1 --name Silver
filters rm 1
filters count 1 --kind email
filters use 1
groups ls
groups create Readers
groups set 1 --name Readers
groups rm 1
groups members 1
groups add 1 2
groups remove 1 2
categories ls
categories create Offers
categories set 1 --name Offers
categories rm 1
categories members 1
categories add 1 2
categories remove 1 2
labels ls
labels create Bold
labels set 1 --name Bold --color FF9300
labels rm 1
labels members 1
labels add 1 2
labels remove 1 2
jobs ls
jobs show 1
jobs show 1 --watch
targeting ls
targeting show 1
targeting create Gold --rule @RULE
targeting update 1 --rule @RULE
targeting rm 1
targeting count 1 --kind email
targeting count 1 --channel news
targeting count --rule @RULE
targeting fields
targeting contacts 1
suppressions ls --kind email --reason bounced
suppressions add email ada@example.org
suppressions rm email ada@example.org --force
suppressions import CSV
suppressions export
replies ls --review --meaning help --contact 1
replies review 1 help
caps ls
caps set --max 1 --days 1
caps rm 1
snippets ls
snippets show parts/footer
snippets set parts/footer --text x
snippets rm parts/footer
series ls
series create a --options {}
series show 1
variables ls
variables show support.hours
variables set support.hours 3 --group shop --description x --disabled
variables rm support.hours
templates ls --kind email --category marketing --limit 3
templates show 1
templates show 1 --version 2
templates create a --kind email --language en
templates set 1 --file RULE
templates translate 1 de --text x
templates render 1 --contact 2
templates preview RULE --contact 2 --kind email --param 1=a --data order=9
templates uses 1
templates versions 1 --limit 3
templates diff 1 --from 1 --to 2
templates coverage 1 --kind email
templates duplicate 1 b
templates rm 1
schedules next @daily --timezone UTC
schedules next @daily --exclude-holidays 1
holidays ls
holidays show 1
holidays create Office --date 2026-12-24=Party
holidays set 1 --name Bureau
holidays rm 1
holidays import CSV --name Germany
stats campaigns --by run --campaign 1 --from 2026-11-01 --to 2026-11-30 --interval week --timezone Europe/Berlin
stats notifications --csv
stats channels --channel 1
stats errors
stats arrivals
stats hours
stats links
stats contacts
stats people --interval all
stats flows
stats notes
doctor
rotate master-key
rotate master-key --dry-run
verify --statistics --repair
webhooks ls
webhooks show 1
webhooks create https://example.org/hooks --event message.sent --event message.failed --channel 1 --batch 100 --header Authorization:x --description d
webhooks set 1 --content --url https://example.org/other --event message.read --campaign 2
webhooks pause 1
webhooks resume 1
webhooks rotate 1 --leaked
webhooks rotate 1 --overlap 24h
webhooks end-overlap 1
webhooks test 1
webhooks deliveries 1 --state failed
webhooks delivery 1 2
webhooks replay 1 2
webhooks replay 1 --state failed --event message.sent --from 2026-01-01T00:00:00Z --to 2026-01-02T00:00:00Z --dry-run
webhooks listen --for 1s --event message.sent --channel 1
webhooks rm 1 --yes
simulate 1 --from 2026-12-01 --until 2026-12-08 --timezone Europe/Berlin
calendar --from 2026-12-01 --until 2026-12-08 --timezone Europe/Berlin
settings show
retention show
retention set --messages 400 --yes
store size
settings set --approval
settings set --brand-name Bells --brand-color #14532d
settings set --quiet-hours 20:00-08:00
settings set --report-channel news --report-to boss@example.org,ada@example.org --weekly-report --trouble-mail
campaign report 1 --from 2026-11-01 --until 2026-11-30 --timezone Europe/Berlin
campaign report 1 --html OUT
campaign report 1 --to boss@example.org --channel news
stats week --at 2026-11-30
stats lists --interval week
channel ls
channel show news
channel show 1
channel create news --provider sandbox --set latency_ms=1
channel set 1 --rate 1 --set latency_ms=1
channel set 1 --warm-up 200:50000:1.5
channel set 1 --mailbox google=20,200:50000 --mailbox default=5
channel set 1 --overlap 24h
channel dns 1
channel check 1
channel templates 1
channel templates 1 --submit order_shipped
channel templates 1 --submit order_shipped --dry-run
channel templates 1 --import --dry-run
channel templates 1 order_shipped --import
channel sign 1
channel sign 1 --selector spring-2027 --key-file CSV
channel unsign 1 spring-2027
channel unsign 1 spring-2027 --force
channel end-overlap 1
channel providers
channel test 1 --to ada@example.org
channel rm 1
channel pause 1
channel resume 1
campaign ls --status draft
campaign ls --kind recurring --tag spring --search sale --archived all
campaign set 1 --tag spring,sale --notes x --subject x
campaign set 2 --text x
campaign archive 1
campaign create --name x --channel 1 --all --conversion order.paid --conversion-days 3
events send order.paid --contact 1 --id k --payload {"a":1} --at 2026-12-01T09:00:00Z
events import order.paid EVENTS
events names
events ls 1
flow ls --status running --search x
flow show 1
flow create RULE --name x --channel 1
flow set 1 RULE
flow simulate 1 --contact 2 --external-id x --address ada@example.org --from 2026-12-01 --answers ANSWERS --sample 3 --silent 4 --after 10m --messages
flow start 1
flow enter 1 --contact 2 --address ada@example.org --answer order=7
flow report 1
flow verify 1
flow sessions 1 --step a --ended false --contact 2
flow session 1 2
flow answers 1 --step a
flow answers 1 --csv OUT
flow show 1 --version 2
flow versions 1
flow move-version 1 1 --step a=b --yes
flow pause 1
flow resume 1
flow close 1
flow cancel 1
flow duplicate 1 --name y
flow rm 1
campaign publish 1 --keyword menu --until 2026-12-31T23:59:00Z
campaign withdraw 1
campaign unarchive 1
campaign show 1
campaign create --name x --channel news --all
campaign create --name x --channel 1 --all --watch
campaign languages 1 --run 2
campaign reasons 1 --run 2
campaign links 1 --run 2
campaign create --name x --channel 1 --all --track links,opens --link-parameter utm_source=%SOURCE%
campaign create --name x --channel 1 --all --feed https://example.org/news.json --feed-items items --feed-new-by id --feed-skip-unless-new
campaign create --name x --channel 1 --all --text x --attachment https://example.org/a.pdf --button postback|Yes --button link|Shop|https://example.org/?a|b
campaign preview 1
campaign sample 1 -n 10
campaign check 1
campaign test 1 --to ada@example.org
campaign start 1
campaign start 1 --watch
campaign start 1 --undo 30s
campaign create --name x --channel 1 --all --cron @daily --jitter 5m --start
campaign schedule 1 --at 2026-12-01T09:00
campaign schedule 1 --every 2h --timezone Europe/Berlin
campaign next 1 -n 3
campaign runs 1
campaign trigger 1
campaign skip-next 1
campaign move-next 1 --to 2026-12-01T10:00
campaign backfill 1 --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z --dry-run
campaign pause 1
campaign pause 1 --schedule --until 2027-01-07T00:00:00Z
campaign resume 1
campaign resume 1 --schedule
campaign resend 1 --state failed --reason refused
campaign create --name x --channel 1 --messages {"campaign_id":1,"states":["failed"]}
campaign winner 1 --run 2
campaign winner 1 --variant B --yes
campaign create --name x --channel 1 --all --variant A --variant B:50={"text":"y"} --test-share 20 --winner read --winner-after 4h --holdout 5
campaign test 1 --to ada@example.org --variant B
campaign propose 1 --note please
campaign approve 1
campaign reject 1 --note no
campaign cancel 1
campaign duplicate 1
campaign duplicate 1 --rest --subject x
campaign watch 1
campaign rm 1
messages send --channel news --to ada@example.org --data a=b --metadata order=1 --at 2026-12-01T09:00:00Z
messages send --channel news --to ada@example.org --data-file ANSWERS --dry-run
messages ls --state sent --address a --campaign 1 --run 1 --channel 1
messages ls --metadata order=1 --metadata b=2
messages show 1
messages resend 1
messages resend --channel news --state failed
messages settle 1 --as sent
messages cancel 1
queue ls --channel news --campaign 1
queue clear --campaign 1 --cancel-planning
queue clear --all --yes
queue pause news
queue resume 1
status
workers
audit
audit --actor cli --action create-* --target channel --request r --since 2026-01-01 --until 2026-02-01T10:00:00Z
audit verify
audit verify --head 3:k.00
audit export --since 2026-01-01 --action create-* --to OUT
verify
verify 1
explain ada@example.org
explain --contact 1
explain 1 ada@example.org
log ls --channel 1 --after 3
log keep 1
log channels
media upload CSV
media ls --unused
media show 1
media rm 1
keys ls
keys create shop --role sender
keys create bot --role sender --api chatapi --channel 1
keys rotate 2
keys set 2 --scope contacts:read --network 192.0.2.0/24 --rate 5
keys revoke 1
users ls
users show 2
users invite ada@example.org --role editor --approver
users invitations
users withdraw 1
users accept TOKEN --name Ada --password-file ANSWERS
users set 2 --role viewer --approver
users remove 2
users sessions 2
users sign-out 2
users data 2
users reset 2 --without-second-factor
users reset-password TOKEN --password-file ANSWERS
identity-providers ls
identity-providers show 1
identity-providers create corp https://login.example.org --client-id x --client-secret-file ANSWERS --scope email --role a=editor --domain example.org
identity-providers set 1 --name c --client-id d --client-secret-file ANSWERS --group-claim g --default-role none --enabled=false
identity-providers rm 1
`

// segmentsInSource are the texts of which the commands make paths, each with a
// place where it stands.
func segmentsInSource(t *testing.T) map[string]token.Position {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string]token.Position{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !makesPath(call.Fun) {
				return true
			}
			for _, arg := range call.Args {
				if literal, ok := arg.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					found[text] = set.Position(literal.Pos())
				}
			}
			return true
		})
	}
	require.Greater(t, len(found), 30)
	return found
}

// makesPath says whether a function is v1 or below.
func makesPath(function ast.Expr) bool {
	switch f := function.(type) {
	case *ast.Ident:
		return f.Name == "v1"
	case *ast.SelectorExpr:
		return f.Sel.Name == "below"
	}
	return false
}

func TestPathsEscapeTheirSegments(t *testing.T) {
	require.Equal(t, "/v1/snippets/parts%2Ffooter%3Fx", snippetsPath().below("parts/footer?x").String())
	require.Equal(t, "/v1/campaigns/7/preview?count=false", campaignsPath().id(7).below("preview").with(query{"count": "false"}).String())
	require.Equal(t, "/v1/contacts?q=0", contactsPath().with(query{"q": "0", "email": "", "group": int64(0), "review": false}).String(),
		"what says nothing is left out")
}
