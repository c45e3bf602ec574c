// Package archtest owns the rules of who may import whom, and holds the whole
// module to them in its test. It knows packages by their paths alone, none of
// their content.
package archtest

// module is the module's path, with which the paths of its packages begin.
const module = "carillon"

// layer is one row of the architecture: a package with all packages below it
// that have no row of their own. Its packages may import each other.
type layer struct {
	// name is the path of the package inside the module.
	name string
	// may names the layers that it may import.
	may []string
	// mayInTests names the layers that its tests may import besides.
	mayInTests []string
	// why is the reason, for the person who broke the rule.
	why string
}

// layers is the table, from top to bottom: imports run downwards only. A
// package of the module that no row covers is a violation, too, so that nobody
// adds a room to the house without saying on which floor it is.
func layers() []layer {
	var (
		inside = []string{"internal"}
		people = join(inside, []string{"contacts", "providers"})
		domain = join(people, []string{"access", "channels", "targeting", "templates", "messages", "tracking", "statistics",
			"campaigns", "campaigns/hours", "campaigns/simulate", "campaigns/calendar", "channels/domains", "conversations", "webhooks",
			"retention", "reports", "variables"})
		harness   = []string{"internal/testenv", "internal/crashtest", "internal/sink"}
		servers   = []string{"internal/testenv", "internal/sink"}
		withStore = join(servers, []string{"store", "store/storetest", "services", "services/servicestest"})
		product   = join(domain, []string{"services", "api", "api/gate", "api/compat", "web", "scheduler", "worker", "outgoing", "store", "queue", "configs"})
	)
	return []layer{
		{
			name: "cmd", may: []string{"cli"},
			why: "main parses and exits: the commands are in cli",
		},
		{
			name: "cli", may: join(domain, []string{"app", "api", "configs", "demo", "cli/bench", "migration", "wording", "internal/fakes"}),
			mayInTests: join(withStore, []string{"queue", "api/gate", "api/compat"}),
			why:        "a command asks a running server through its API, or has app run one",
		},
		{
			name: "cli/bench", may: join(product, harness, []string{"app"}),
			why: "it measures the parts and the whole, and decides nothing",
		},
		{
			name: "app", may: join(product, harness, []string{"demo"}), mayInTests: []string{"store/storetest", "internal/fakes"},
			why: "it is the composition root: it wires everything and only the command line knows it",
		},
		{
			name: "api", may: join(domain, []string{"services", "api/gate"}), mayInTests: join(withStore, []string{"api/compat", "outgoing"}),
			why: "it translates between HTTP and the services, which app hands it made, and asks no store, queue, scheduler or worker",
		},
		{
			name: "api/compat", may: join(domain, []string{"services", "api/gate", "outgoing", "wording"}), mayInTests: withStore,
			why: "a reference API stands over the same services and behind the same gate as /v1, and knows nothing of /v1",
		},
		{
			name: "api/gate", may: join(inside, []string{"access"}), mayInTests: servers,
			why: "it decides who comes in and how much: it knows keys and roles, and knows no resource",
		},
		{
			name: "web", may: inside, mayInTests: servers,
			why: "it is the embedded console and speaks to the server over HTTP alone",
		},
		{
			name: "scheduler", may: join(domain, []string{"queue"}), mayInTests: withStore,
			why: "it takes what it needs of the store as small interfaces, and meets the worker in the queue alone",
		},
		{
			name: "worker", may: join(domain, []string{"queue"}), mayInTests: withStore,
			why: "it takes what it needs of the store as small interfaces, and meets the scheduler in the queue alone",
		},
		{
			name: "outgoing", may: domain, mayInTests: withStore,
			why: "it calls out from what the store keeps, and meets nobody else",
		},
		{
			name: "services", may: domain, mayInTests: servers,
			why: "it puts the services together and knows neither who asks nor what keeps",
		},
		{
			name: "services/servicestest", may: join(domain, []string{"services", "store", "store/storetest"}),
			why: "it is the fixture of the services' tests, and no part of the product",
		},
		{
			name: "store", may: domain, mayInTests: join(servers, []string{"store/storetest"}),
			why: "it implements the interfaces of the domain packages, and knows no HTTP and no Redis",
		},
		{
			name: "store/storetest", may: join(domain, []string{"store", "internal/testenv"}),
			why: "it is the fixture of the store's tests, and no part of the product",
		},
		{
			name: "campaigns/hours", may: inside,
			why: "times of the week are arithmetic, whoever keeps to them",
		},
		{
			name: "campaigns", may: join(people, []string{"campaigns/hours", "access", "targeting", "templates", "messages", "tracking", "statistics"}),
			mayInTests: withStore,
			why:        "it is domain: rules that hold whatever stores, queues and serves them",
		},
		{
			name: "campaigns/simulate", may: join(people, []string{"campaigns", "campaigns/hours", "messages", "targeting"}),
			why: "it plays the rules of campaigns on a clock of its own, and knows nothing of where they are kept",
		},
		{
			name: "campaigns/calendar", may: join(people, []string{"campaigns", "campaigns/simulate", "targeting", "messages"}), mayInTests: withStore,
			why: "it says what is to come, and changes nothing",
		},
		{
			name: "conversations", may: join(people, []string{"messages"}), mayInTests: withStore,
			why: "what is said to and fro is messages and replies; who sends them is no concern of it",
		},
		{
			name: "statistics", may: join(people, []string{"messages", "tracking"}), mayInTests: withStore,
			why: "it counts messages, and knows no campaign but by its id",
		},
		{
			name: "reports", may: join(people, []string{"statistics", "campaigns", "messages", "templates"}),
			why: "it shows people what is counted, and counts nothing",
		},
		{
			name: "migration", may: join(people, []string{"targeting", "templates", "wording"}),
			mayInTests: inside,
			why:        "it reads others into files, and knows neither where these go nor what we keep",
		},
		{
			name: "wording", may: join(people, []string{"targeting", "templates"}), mayInTests: inside,
			why: "what other systems say means the same, whoever hears it",
		},
		{
			name: "retention", may: inside, mayInTests: inside,
			why: "it says for how long what is kept; what that is, the store knows",
		},
		{
			name: "variables", may: inside,
			why: "a value is a value, whatever a program does with it",
		},
		{
			name: "webhooks", may: join(people, []string{"messages"}), mayInTests: withStore,
			why: "it says who is told what, and knows neither what keeps nor what sends that",
		},
		{
			name: "tracking", may: people, mayInTests: withStore,
			why: "a link is a link, whatever message it stands in: it knows texts, addresses and who asks for them",
		},
		{
			name: "messages", may: join(people, []string{"targeting", "templates", "tracking"}), mayInTests: withStore,
			why: "a message has one recipient and one content; it knows no campaign but by its id",
		},
		{
			name: "channels", may: join(inside, []string{"providers", "campaigns/hours", "channels/domains"}), mayInTests: withStore,
			why: "a channel is there before anything is sent through it",
		},
		{
			name: "channels/domains", may: []string{"providers"}, mayInTests: []string{"internal/testenv"},
			why: "what the DNS says of a domain is the same whoever asks",
		},
		{
			name: "targeting", may: people, mayInTests: withStore,
			why: "it chooses among contacts, and knows nothing of what they are sent",
		},
		{
			name: "contacts", may: join(inside, []string{"providers"}), mayInTests: join(withStore, []string{"demo", "providers/providertest"}),
			why: "a contact is there before anybody targets or writes to it",
		},
		{
			name: "templates", may: join(inside, []string{"providers"}), mayInTests: withStore,
			why: "it is domain, and needs no more of the others than the content of a message",
		},
		{
			name: "access", may: inside, mayInTests: withStore,
			why: "who may use an account is known before there is anything in it",
		},
		{
			name: "queue", may: join(inside, []string{"providers"}), mayInTests: servers,
			why: "it carries messages and decides nothing about them: the store decides",
		},
		{
			name: "providers", may: inside, mayInTests: join(servers, []string{"providers/providertest", "internal/fakes"}),
			why: "an adapter sees one message at a time and nothing else of Carillon",
		},
		{
			name: "providers/providertest", may: join(inside, servers, []string{"providers"}),
			why: "it is the contract that the adapters' tests call, and no part of the product",
		},
		{
			name: "configs", may: inside, mayInTests: servers,
			why: "settings are plain values that app hands on",
		},
		{
			name: "demo", may: nil, mayInTests: []string{"contacts"},
			why: "it is a sample file, and does not know what is done with it",
		},
		{
			name: "internal/testenv", may: inside,
			why: "the tests of every layer stand on it, so it stands on none of them",
		},
		{
			name: "internal/crashtest", may: join(product, harness), mayInTests: []string{"internal/fakes"},
			why: "it drives the real binary from outside, so it never wires one of its own (app)",
		},
		{
			name: "internal/docstest", may: inside, mayInTests: join(servers, []string{"campaigns", "messages", "configs", "queue"}),
			why: "it reads the pages and drives the real binary from outside; of the code it knows what the pages' tables show",
		},
		{
			name: "internal/twoway", may: inside, mayInTests: servers,
			why: "it drives two real binaries from outside, and knows nothing of what they do inside",
		},
		{
			name: "internal/sink", may: join(domain, []string{"configs"}), mayInTests: harness,
			why: "it plays the providers' side, so it knows nothing of how messages get there",
		},
		{
			name: "internal/fakes", may: join(inside, []string{"providers"}), mayInTests: []string{"providers"},
			why: "it plays providers as their documents say, so it knows nothing of how Carillon reads that; of the adapters' room it has the way out alone",
		},
		{
			name: "internal", may: nil, mayInTests: servers,
			why: "it is the ground on which every package stands, so it stands on none of them",
		},
	}
}

// library is a group of packages from outside the module that only some layers
// may import.
type library struct {
	// prefixes are the beginnings of the packages' paths.
	prefixes []string
	// owners are the layers that may import them, tests included.
	owners []string
	why    string
}

func libraries() []library {
	return []library{
		{
			prefixes: []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/", "github.com/alicebob/miniredis"},
			owners:   []string{"queue", "internal/testenv", "internal/crashtest", "internal/sink"},
			why:      "queue is the one place for asynq and Redis",
		},
		{
			prefixes: []string{
				"gorm.io/", "github.com/pressly/goose/", "github.com/mattn/go-sqlite3", "modernc.org/sqlite",
				"github.com/jackc/pgx/", "github.com/lib/pq",
			},
			owners: []string{"store", "internal/testenv", "internal/crashtest"},
			why:    "store is the one place for the databases, their drivers and migrations",
		},
		{
			prefixes: []string{"github.com/coreos/go-oidc/", "golang.org/x/oauth2"},
			owners:   []string{"outgoing"},
			why:      "they ask by http.DefaultClient where nobody says otherwise: outgoing/openid says so each time",
		},
		{
			prefixes: []string{"github.com/SherClockHolmes/webpush-go"},
			owners:   []string{"providers"},
			why:      "it asks by a client of its own where nobody says otherwise: providers/webpush says so each time",
		},
		{
			prefixes: []string{"github.com/aws/"},
			owners:   []string{"providers"},
			why:      "its clients find credentials and ways out by themselves: providers/ses has its signer alone",
		},
		{
			prefixes: []string{"github.com/go-webauthn/"},
			owners:   []string{"access"},
			why:      "access decides whose passkey holds: everybody else hands on what a browser says",
		},
	}
}

// ban forbids a layer one package by name; it binds the layer's own code and
// not its tests, and not what others import on its behalf.
type ban struct{ layer, path, why string }

func bans() []ban {
	list := []ban{
		{"store", "net/http", "the store knows no HTTP: a status is the business of api, a request that of providers"},
		{"api/gate", "github.com/danielgtaylor/huma/v2", "it lets requests of every dialect in; huma describes /v1"},
	}
	for _, domain := range []string{"access", "contacts", "channels", "targeting", "messages", "campaigns", "templates", "tracking", "statistics"} {
		list = append(list,
			ban{domain, "net/http", "the domain knows no HTTP"},
			ban{domain, "database/sql", "the domain asks for data through interfaces"})
	}
	return list
}

func join(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}
