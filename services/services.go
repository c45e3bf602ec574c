// Package services owns the list of what Carillon can be asked to do, and how
// each service is put together. It is made once: /v1, the APIs of others, the
// benchmark and the tests go over the same one. It must not know HTTP or Redis, nor
// which database keeps things.
package services

import (
	"cmp"
	"net"
	"time"

	"carillon/access"
	"carillon/campaigns"
	"carillon/campaigns/calendar"
	"carillon/campaigns/flows"
	"carillon/channels"
	"carillon/channels/domains"
	"carillon/contacts"
	"carillon/conversations"
	"carillon/internal/clock"
	"carillon/internal/naming"
	"carillon/internal/secret"
	"carillon/messages"
	"carillon/providers"
	"carillon/providers/fetch"
	"carillon/reports"
	"carillon/retention"
	"carillon/statistics"
	"carillon/targeting"
	"carillon/templates"
	"carillon/templates/email"
	"carillon/tracking"
	"carillon/variables"
	"carillon/webhooks"
)

// Services is what Carillon can be asked to do.
type Services struct {
	Keys       *access.Keys
	People     *access.People
	Accounts   *access.Accounts
	Trail      *access.Trail
	Refusals   *access.Refusals
	Campaigns  *campaigns.Service
	Calendar   *calendar.Service
	Flows      *flows.Service
	Calls      *flows.Calls
	Events     *contacts.Events
	DataFeeds  *campaigns.DataFeeds
	Settings   *campaigns.SettingsService
	Holidays   *campaigns.HolidayService
	Messages   *messages.Service
	Log        *messages.Log
	Files      *messages.Files
	Queue      *messages.Queue
	Reports    *messages.Reports
	Catalogue  *templates.Catalogue
	Channels   *channels.Service
	Contacts   *contacts.Contacts
	Lists      *contacts.Lists
	Written    *contacts.Written
	Consents   *contacts.Consents
	Replies    *contacts.Replies
	Caps       *contacts.Caps
	Properties *contacts.Properties
	// Definitions are what people are shown of attributes.
	Definitions   *contacts.Definitions
	Conversations *conversations.Service
	Importer      *contacts.Importer
	Uploads       *contacts.Uploads
	Rules         *targeting.Rules
	Filters       *targeting.Filters
	Jobs          *targeting.Jobs
	Exporter      *targeting.Exporter
	Tokens        messages.Tokens
	Tracking      *tracking.Service
	Webhooks      *webhooks.Service
	Statistics    *statistics.Service
	// Summaries are what people read of what became of messages.
	Summaries *reports.Service
	Retention *retention.Service
	Variables *variables.Service
	SeriesOf  *messages.SeriesService
	// Hosts are where the recipients of each account reach it.
	Hosts *messages.Hosts
	// PublicURL is where people, programs and providers reach this server; empty where nobody
	// said so.
	PublicURL string
	// Names finds things by their names.
	Names naming.Store
	Clock clock.Clock
}

// Store is what the services need kept; *store.Store keeps it.
type Store interface {
	access.KeyStore
	access.AccountStore
	access.TrailStore
	access.PeopleStore
	campaigns.Store
	campaigns.DataFeedStore
	calendar.Store
	flows.Store
	messages.Store
	messages.QueueStore
	messages.LogStore
	messages.FileStore
	messages.Stopper
	templates.Store
	channels.Store
	contacts.ContactStore
	contacts.ListStore
	contacts.WrittenStore
	contacts.ConsentStore
	contacts.ReplyStore
	contacts.EventStore
	contacts.CapStore
	contacts.PropertyStore
	contacts.DefinitionStore
	conversations.Store
	contacts.Inbox
	contacts.UploadStore
	contacts.ImportStore
	targeting.RuleStore
	targeting.FilterStore
	targeting.JobStore
	targeting.ExportStore
	webhooks.Store
	statistics.Store
	reports.Mails
	retention.Store
	variables.Store
	messages.SeriesStore
	naming.Store
}

// Deps is what the services are made of. All fields are needed but Clock, whose
// zero value is the machine's, Import, and Receipts where no provider is listened to.
type Deps struct {
	Store Store
	// Receipts applies what providers report; *store.Writer does.
	Receipts messages.Receipts
	// Engagement keeps clicks and opens; *store.EngagementWriter does. Nil keeps none.
	Engagement tracking.Recorder
	// Providers describes the providers; *providers.Registry does.
	Providers channels.Configurations
	// MasterKeys sign unsubscribe links, which lead to PublicURL; without it there
	// are none.
	MasterKeys *secret.Ring
	PublicURL  string
	// Installation names this Carillon to providers; see providers.Deps.
	Installation string
	// Dialer reaches providers, and what data feeds may be read from; its zero value, public
	// addresses.
	Dialer providers.Dialer
	// Resolver looks up what senders' domains publish; nil is the machine's.
	Resolver domains.Resolver
	Import   contacts.ImportConfig
	// SignIns say how people sign in; the fields that the service is made of are set here, and
	// its Address where there is none, to PublicURL.
	SignIns access.PeopleDeps
	Clock   clock.Clock
}

// whileWaiting bounds how long a document is read for that a person waits for.
const whileWaiting = 4 * time.Second

// New makes the services.
func New(d Deps) *Services {
	if d.Clock == nil {
		d.Clock = clock.System{}
	}
	if d.Resolver == nil {
		d.Resolver = net.DefaultResolver
	}
	hosts := messages.NewHosts(d.PublicURL)
	s := &Services{
		Names:    d.Store,
		Keys:     access.NewKeys(d.Store),
		Accounts: access.NewAccounts(d.Store),
		Trail:    access.NewTrail(d.Store),
		Channels: channels.NewService(d.Store, d.Providers, channels.Outside{
			Resolver: d.Resolver, Dialer: d.Dialer, PublicURL: d.PublicURL, Installation: d.Installation,
		}, d.Clock),
		Catalogue:  templates.NewCatalogue(d.Store),
		Contacts:   contacts.NewContacts(d.Store),
		Lists:      contacts.NewLists(d.Store),
		Consents:   contacts.NewConsents(d.Store),
		Replies:    contacts.NewReplies(d.Store),
		Caps:       contacts.NewCaps(d.Store),
		Properties: contacts.NewProperties(d.Store),
		Importer:   contacts.NewImporter(d.Store, d.Store, d.Import),
		Uploads:    contacts.NewUploads(d.Store),
		Calendar:   calendar.NewService(d.Store, d.Clock),
		Settings:   campaigns.NewSettings(d.Store, hosts),
		Holidays:   campaigns.NewHolidayService(d.Store),
		Queue:      messages.NewQueue(d.Store, d.Clock),
		Log:        messages.NewLog(d.Store),
		Files:      messages.NewFiles(d.Store, hosts),
		Rules:      targeting.NewRules(d.Store),
		Jobs:       targeting.NewJobs(d.Store),
		Exporter:   targeting.NewExporter(d.Store),
		Retention:  retention.NewService(d.Store, d.Clock),
		Variables:  variables.NewService(d.Store),
		SeriesOf:   messages.NewSeries(d.Store),
		PublicURL:  d.PublicURL,
		Clock:      d.Clock,
		Tokens:     messages.NewTokens(d.MasterKeys, hosts),
		Hosts:      hosts,
	}
	s.Refusals = access.NewRefusals(s.Trail, d.Clock)
	people := d.SignIns
	people.Refusals = s.Refusals
	people.Store, people.Trail, people.Address, people.Clock = d.Store, s.Trail, cmp.Or(people.Address, d.PublicURL), d.Clock
	if d.MasterKeys != nil {
		people.Signer = d.MasterKeys.Signer("sign-in")
	}
	s.People = access.NewPeople(people)
	s.Written = contacts.NewWritten(d.Store, s.Lists)
	s.Definitions = contacts.NewDefinitions(d.Store, s.Properties)
	s.Filters = targeting.NewFilters(d.Store, s.Rules)
	fetcher := fetch.New(d.Dialer)
	s.DataFeeds = campaigns.NewDataFeeds(d.Store, fetcher, d.Clock)
	fetcher = fetcher.Within(whileWaiting)
	s.Messages = messages.NewService(messages.Deps{
		Store: d.Store, Kinds: d.Providers, Catalogue: s.Catalogue, Tokens: s.Tokens, Fetcher: fetcher, Files: s.Files, Clock: d.Clock,
	})
	s.Conversations = conversations.NewService(d.Store, s.Messages)
	s.Reports = messages.NewReports(d.Receipts, s.Replies, d.Store)
	s.Campaigns = campaigns.NewService(campaigns.Deps{
		Store: d.Store, Messages: s.Messages, Queue: s.Queue, Catalogue: s.Catalogue, Tokens: s.Tokens, Fetcher: fetcher, Clock: d.Clock,
	})
	s.Flows = flows.NewService(d.Store, s.Campaigns, s.Messages, d.Clock)
	s.Events = contacts.NewEvents(d.Store, d.Clock)
	s.Calls = flows.NewCalls(d.Store, fetch.New(d.Dialer), d.Clock)
	s.Tracking = tracking.NewService(s.Tokens, s.Campaigns, d.Engagement, d.Clock)
	s.Statistics = statistics.NewService(d.Store, d.Clock)
	s.Summaries = reports.NewService(d.Store, s.Statistics, email.NewBuilder(), d.Clock)
	s.Webhooks = webhooks.NewService(d.Store, d.Clock)
	return s
}
