// Package configs owns the configuration: every setting with its default, its
// environment variable and its flag, the order in which they win, and where
// each value in force came from. It must not know what the settings are used
// for.
package configs

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"carillon/internal/fault"
	"carillon/internal/links"
	"carillon/internal/secret"
)

// Config is the configuration in force. Each field's tags are its whole
// description: name in the file, default, bounds, words for people. The
// environment variable is CARILLON_ and the name in capitals, the flag -- and
// the name with dashes; a secret has no flag, because others on the machine can
// read a command line, but a second form with _file.
type Config struct {
	Listen         string `koanf:"listen" default:"127.0.0.1:8080" doc:"Address and port that the API listens on. Anything but loopback needs TLS: that of tls_cert_file, or of a proxy before it."`
	PublicListen   string `koanf:"public_listen" default:"" doc:"A second address and port that answers what recipients and providers reach alone (unsubscribing, choices, clicks, openings, messages in a browser, files, receipts, /healthz), such as 127.0.0.1:8081; then the API needs no public address. Empty listens nowhere; listen answers everything in any case."`
	BounceListen   string `koanf:"bounce_listen" default:"" doc:"Address and port on which a mail server hands over by SMTP what came back of messages, such as 127.0.0.1:2525; every other mail is refused. It speaks no TLS and asks for no password: keep it where that mail server alone reaches it. Empty listens nowhere."`
	TLSCertFile    string `koanf:"tls_cert_file" default:"" doc:"PEM file of the certificate, with those between it and its authority, by which listen and public_listen speak TLS. It is read anew when it changes. Empty speaks none."`
	TLSKeyFile     string `koanf:"tls_key_file" default:"" doc:"PEM file of the private key of tls_cert_file."`
	TrustedProxies string `koanf:"trusted_proxies" default:"" doc:"Proxies that are believed for whom they ask: addresses and networks, separated by commas, such as 127.0.0.1, 10.1.0.0/16; loopback and private stand for those networks. Clients in a network that is named can say what they like: name the proxies alone. Empty believes nobody."`
	ProxyHeader    string `koanf:"proxy_header" default:"X-Forwarded-For" enum:"X-Forwarded-For,Forwarded" doc:"Header in which the trusted proxies say that. They have to write it themselves, not pass on what clients send."`

	HealthListen string `koanf:"health_listen" default:"" doc:"Address and port on which a scheduler or worker alone answers /healthz, /readyz and /metrics, such as 127.0.0.1:9090; empty listens nowhere. serve and api answer them on listen."`

	DataDir string `koanf:"data_dir" default:"./data" doc:"Folder of the embedded store and of the keys that were made for you."`

	StoreDSN secret.String `koanf:"store_dsn" default:"" doc:"postgres://user:password@host/database, or the path of a SQLite file; empty is carillon.db in data_dir."`
	RedisURL secret.String `koanf:"redis_url" default:"" doc:"redis://, rediss://, redis+sentinel:// or redis+cluster:// address; empty is a Redis inside the process."`

	AdminKey        secret.String `koanf:"admin_key" default:"" doc:"API key of the first administrator, at least 16 characters; empty makes one and keeps it in admin.key in data_dir. A key that was configured before, and is not any more, opens nothing."`
	MasterKey       secret.String `koanf:"master_key" default:"" doc:"Key that the channels' credentials are encrypted with, at least 16 characters. Empty makes one and keeps it in master.key in data_dir, with the embedded store only."`
	OtherMasterKeys secret.String `koanf:"other_master_keys" default:"" doc:"Master keys that open what they sealed and signed and that nothing is sealed with: those of before, each on a line of its own or separated by commas. carillon rotate master-key says when one is needed no more."`

	PublicURL  string `koanf:"public_url" default:"" doc:"Address at which recipients and providers reach this server, such as https://news.example.org; without it messages carry no unsubscribe link."`
	ConsoleURL string `koanf:"console_url" default:"" doc:"Address at which your own people reach this server, where that is not public_url: invitations and links for a new password lead there, and passkeys hang on its name. Empty is public_url."`

	PeopleChannel string `koanf:"people_channel" default:"" doc:"Account and e-mail channel, such as acme/office, through which people who sign in get links for a new password. Empty is the channel that a person's account names for mails about it, if the person is in one account alone."`

	CompatPrefix string `koanf:"compat_prefix" default:"" doc:"Path below which the APIs of others are served by their names, too, such as /compat: then /compat/xms/xms/api/v1 is xms'. Empty serves them only where their documents say."`
	CompatHosts  string `koanf:"compat_hosts" default:"" doc:"Hosts that serve one API of others each: name=host, separated by commas, such as chatwoot=inbox.example.org. There, all paths are that API's."`
	CompatCORS   string `koanf:"compat_cors" default:"" doc:"Origins whose pages may call the APIs of others from a browser, separated by commas, such as https://shop.example.org; empty lets none."`

	AllowPrivateAddresses bool   `koanf:"allow_private_addresses" default:"false" doc:"Let channels send to loopback and private networks, all of them; allow_relays opens single servers."`
	AllowRelays           string `koanf:"allow_relays" default:"" doc:"Servers that channels may send to although they are on loopback or in a private network: host:port as the channels name them, separated by commas, such as mail.internal:587."`
	DNSServer             string `koanf:"dns_server" default:"" doc:"Name server that is asked what senders' domains publish (SPF, DKIM, DMARC), and by limits.mailboxes where the mail of recipients' domains goes (MX), as an address and a port such as 9.9.9.9:53; empty asks the machine's. Name one outside where the machine's answers otherwise for your own domains than the Internet does."`

	APIRatePerSecond float64 `koanf:"api_rate_per_second" default:"100" minimum:"0" maximum:"100000" doc:"Most API requests a second for one key; 0 sets no limit."`
	APIBurst         int     `koanf:"api_burst" default:"200" minimum:"1" maximum:"100000" doc:"How many API requests one key may make at once after a quiet time."`
	MaxBodyKB        int     `koanf:"max_body_kb" default:"2048" minimum:"16" maximum:"65536" doc:"Largest body of an API request, in KiB; uploads have their own bound."`
	MaxConnections   int     `koanf:"max_connections" default:"2048" minimum:"16" maximum:"100000" doc:"Most open connections to this process; at most half of them may be event streams. Where one more comes, the one is closed that has waited longest without a request."`
	MaxUploadMB      int     `koanf:"max_upload_mb" default:"1024" minimum:"1" maximum:"102400" doc:"Largest CSV upload, in MiB."`

	SessionIdleMinutes int `koanf:"session_idle_minutes" default:"720" minimum:"5" maximum:"43200" doc:"After how many minutes without a request a person who signed in is signed out."`
	SessionHours       int `koanf:"session_hours" default:"336" minimum:"1" maximum:"8760" doc:"After how many hours a person who signed in is signed out, however busy."`

	BackupDir string `koanf:"backup_dir" default:"" doc:"Folder in which backups of the store are put, whose newest carillon doctor looks for; empty is not looked at."`

	AuditFile     string `koanf:"audit_file" default:"" doc:"File to which the process that leads appends every entry of the audit trail, a line of JSON each; empty writes none."`
	AuditSyslog   string `koanf:"audit_syslog" default:"" doc:"Syslog receiver that is sent every entry of the audit trail, as RFC 5424 has it: udp://host:514, tcp://host:601, tls://host:6514 or unix:///dev/log; empty sends none."`
	AuditSyslogCA string `koanf:"audit_syslog_ca" default:"" doc:"File of the certificates, in PEM, by which a receiver at tls:// is known; empty is those that this machine trusts."`

	WorkerName      string `koanf:"worker_name" default:"" doc:"Name of this process in logs and in the list of workers; empty is the host's name and the process id."`
	SoftBounces     int    `koanf:"soft_bounces" default:"5" minimum:"1" maximum:"1000" doc:"How many soft bounces in a row suppress an address; a delivery begins to count anew."`
	ShutdownSeconds int    `koanf:"shutdown_seconds" default:"20" minimum:"1" maximum:"600" doc:"How long a stopping process waits for what is in flight; then it ends, whatever hangs. A second signal ends it at once."`

	LogLevel     string  `koanf:"log_level" default:"info" enum:"debug,info,warn,error" doc:"Least important level that is logged."`
	OTLPEndpoint string  `koanf:"otlp_endpoint" default:"" doc:"OpenTelemetry collector that takes traces and logs by OTLP over HTTP, such as http://127.0.0.1:4318; empty sends none. Its headers and certificates are those of OTEL_EXPORTER_OTLP_HEADERS and its like."`
	TraceRatio   float64 `koanf:"trace_ratio" default:"0.01" minimum:"0" maximum:"1" doc:"Which part of the messages is traced, from 0 to 1, beside those that were made by a request that is."`

	LogFormat string `koanf:"log_format" default:"text" enum:"text,json" doc:"Form of the log on standard error."`

	origins map[string]Origin
	notices []string
}

// Store is the store's address: the DSN, or the embedded database's path.
func (c Config) Store() string {
	if c.StoreDSN.Empty() {
		return filepath.Join(c.DataDir, "carillon.db")
	}
	return c.StoreDSN.Reveal()
}

// Postgres reports whether the store is a PostgreSQL database.
func (c Config) Postgres() bool {
	return strings.HasPrefix(c.Store(), "postgres://") || strings.HasPrefix(c.Store(), "postgresql://")
}

// EmbeddedRedis reports whether Redis runs inside the process.
func (c Config) EmbeddedRedis() bool { return c.RedisURL.Empty() }

// Relays are the servers of allow_relays, host:port in lower case.
func (c Config) Relays() []string {
	var relays []string
	for _, entry := range strings.Split(c.AllowRelays, ",") {
		if entry = strings.ToLower(strings.TrimSpace(entry)); entry != "" {
			relays = append(relays, entry)
		}
	}
	return relays
}

// Syslog is where audit_syslog points: the way to the receiver, and its host:port or the path of its socket.
func (c Config) Syslog() (way, address string) {
	u, err := url.Parse(c.AuditSyslog)
	if err != nil {
		return "", ""
	}
	port, ok := map[string]string{"udp": "514", "tcp": "601", "tls": "6514"}[u.Scheme]
	switch {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
		return u.Scheme, u.Path
	case ok && u.Hostname() != "" && strings.Trim(u.Path, "/") == "":
		return u.Scheme, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), port))
	}
	return "", ""
}

// Notices are remarks about the configuration that belong into the log.
func (c Config) Notices() []string { return c.notices }

// RequireShared refuses a configuration whose store or Redis other processes
// can't reach, for a process that runs only some of the roles.
func (c Config) RequireShared(role string) error {
	var wrong []fault.Field
	if !c.Postgres() {
		wrong = append(wrong, fault.Field{Location: "store_dsn", Source: c.source("store_dsn"),
			Message: "several processes share a PostgreSQL database: set CARILLON_STORE_DSN=postgres://user:password@host/database"})
	}
	if c.EmbeddedRedis() {
		wrong = append(wrong, fault.Field{Location: "redis_url", Source: c.source("redis_url"),
			Message: "several processes share a Redis: set CARILLON_REDIS_URL=redis://host:6379/0"})
	}
	if c.MasterKey.Empty() {
		wrong = append(wrong, fault.Field{Location: "master_key", Source: c.source("master_key"), Message: needMasterKey})
	}
	if len(wrong) == 0 {
		return nil
	}
	return &fault.Error{Code: fault.Invalid, Fields: wrong,
		Message: fmt.Sprintf("carillon %s runs one role and needs the others; carillon serve runs them all in one process", role)}
}

// source is where a setting's value came from; empty for its default.
func (c Config) source(name string) string {
	if origin := c.origins[name]; origin.Layer != FromDefault {
		return origin.String()
	}
	return ""
}

// check names the values that no tag can refuse.
func (c Config) check() (wrong []fault.Field) {
	add := func(name string, value any, format string, args ...any) {
		wrong = append(wrong, fault.Field{Location: name, Value: value, Message: fmt.Sprintf(format, args...), Source: c.source(name)})
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || port == "" {
		add("listen", c.Listen, "must be an address and a port such as 127.0.0.1:8080")
	}
	if u, err := url.Parse(c.OTLPEndpoint); c.OTLPEndpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		add("otlp_endpoint", c.OTLPEndpoint, "must be an address such as http://127.0.0.1:4318, or empty")
	}
	if _, port, err := net.SplitHostPort(c.HealthListen); c.HealthListen != "" && (err != nil || port == "") {
		add("health_listen", c.HealthListen, "must be an address and a port such as 127.0.0.1:9090, or empty")
	}
	if at, err := netip.ParseAddrPort(c.DNSServer); c.DNSServer != "" && (err != nil || at.Port() == 0) {
		add("dns_server", c.DNSServer, "must be an address and a port such as 9.9.9.9:53, or empty")
	}
	if way, _ := c.Syslog(); c.AuditSyslog != "" && way == "" {
		add("audit_syslog", c.AuditSyslog, "must be udp://host:514, tcp://host:601, tls://host:6514 or the path of a socket as unix:///dev/log")
	}
	for _, relay := range c.Relays() {
		host, port, err := net.SplitHostPort(relay)
		if n, numErr := strconv.ParseUint(port, 10, 16); err != nil || numErr != nil || host == "" || n == 0 {
			add("allow_relays", relay, "must be a list of host:port, separated by commas, such as mail.internal:587")
		}
	}
	wrong = append(wrong, c.checkCompat()...)
	wrong = append(wrong, c.checkListeners()...)
	if c.DataDir == "" {
		add("data_dir", c.DataDir, "must name a folder")
	}
	for _, s := range []struct{ name, address string }{{"public_url", c.PublicURL}, {"console_url", c.ConsoleURL}} {
		if s.address != "" && !links.IsBase(s.address) {
			add(s.name, s.address, "must be an address such as https://news.example.org")
		}
	}
	if account, channel, _ := strings.Cut(c.PeopleChannel, "/"); c.PeopleChannel != "" && (account == "" || channel == "") {
		add("people_channel", c.PeopleChannel, "must be an account and one of its channels, such as acme/office")
	}
	if key := c.MasterKey.Reveal(); key != "" && len(key) < secret.MinMasterKey {
		add("master_key", nil, "has fewer than %d characters: make one with `openssl rand -base64 32`", secret.MinMasterKey)
	}
	for i, key := range splitKeys(c.OtherMasterKeys.Reveal()) {
		if len(key.Reveal()) < secret.MinMasterKey {
			add("other_master_keys", nil, "its key %d has fewer than %d characters: give whole keys, one a line or separated by commas", i+1, secret.MinMasterKey)
		}
	}
	if key := c.AdminKey.Reveal(); key != "" && (len(key) < minAdminKey || strings.ContainsAny(key, " \t\r\n")) {
		add("admin_key", nil, "must have at least %d characters and no spaces: make one with `openssl rand -hex 24`", minAdminKey)
	}
	return wrong
}

// minAdminKey is the least length of an administrator's key that is given.
const minAdminKey = 16
