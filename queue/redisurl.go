package queue

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"carillon/internal/fault"
)

const urlForms = "redis://[user:password@]host:port/db, rediss:// with TLS, unix:///path, " +
	"redis+sentinel://[user:password@]host1:port,host2:port/db?master=name, redis+cluster://[user:password@]host1:port,host2:port"

// dialTimeout bounds one try to connect, so that a Server can be stopped soon
// while Redis is unreachable.
const dialTimeout = 2 * time.Second

// connect makes a client for one of these forms of URL, without talking to
// Redis yet:
//
//	redis://[user:password@]host:port[/db]
//	rediss://…                                  the same over TLS
//	unix://[user:password@]/path[?db=n]
//	redis+sentinel://[user:password@]host:port,host2:port[/db]?master=name
//	redis+cluster://[user:password@]host:port,host2:port
//
// redis-sentinel:// and redis-cluster:// are the same as the last two.
// Without a port it is 6379, or 26379 for a Sentinel. rediss+sentinel and
// rediss+cluster use TLS. User and password are those of the data nodes; a
// Sentinel's own are the parameters sentinel_username and sentinel_password. With
// TLS the parameter ca_file names a file of authorities that are trusted instead of
// the machine's. All other parameters are go-redis's: pool_size, dial_timeout, read_timeout and so
// on. Errors are faults of code Invalid and never show the password.
func connect(raw string) (redis.UniversalClient, error) {
	client, err := parseURL(raw)
	if err != nil {
		// What others say of it may quote any part of it: where a password holds a /,
		// they take what is behind it for the database.
		var ours urlProblem
		if !errors.As(err, &ours) {
			err = unreadable
		}
		return nil, &fault.Error{Code: fault.Invalid, Op: "read redis URL", Message: "use " + urlForms, Err: err}
	}
	return client, nil
}

// urlProblem is what is wrong with a URL, in words of our own.
type urlProblem string

// Error is the words.
func (p urlProblem) Error() string { return string(p) }

const (
	unreadable urlProblem = "it can't be read (redis_url, CARILLON_REDIS_URL): the database must be a number and every parameter one of go-redis's, " +
		"and in a user name or password / ? # @ : and % are written %2F %3F %23 %40 %3A and %25"
	unknownScheme urlProblem = "its scheme is not known"
)

func parseURL(raw string) (redis.UniversalClient, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, urlProblem("it has no scheme")
	}
	// Other programs write a hyphen.
	switch base, kind, _ := strings.Cut(strings.Replace(scheme, "-", "+", 1), "+"); kind {
	case "":
		if !slices.Contains([]string{"redis", "rediss", "unix"}, base) {
			return nil, unknownScheme
		}
		return openSingle(raw)
	case "cluster":
		return openCluster(base, rest)
	case "sentinel":
		return openSentinel(base, rest)
	default:
		return nil, unknownScheme
	}
}

func openSingle(raw string) (redis.UniversalClient, error) {
	// A password with a # or ? ends the host before its @: what follows would be
	// connected to, or quoted, as something else.
	u, err := url.Parse(raw)
	if err != nil || u.User == nil && strings.Contains(raw, "@") {
		return nil, unreadable
	}
	trusted, err := authorities(u)
	if err != nil {
		return nil, err
	}
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, err
	}
	trust(o.TLSConfig, trusted)
	tuneSingle(o)
	return redis.NewClient(o), nil
}

func tuneSingle(o *redis.Options) {
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTimeout
	}
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

func openCluster(scheme, rest string) (redis.UniversalClient, error) {
	u, err := severalHosts(scheme, rest, "6379")
	if err != nil {
		return nil, err
	}
	trusted, err := authorities(u)
	if err != nil {
		return nil, err
	}
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, err
	}
	trust(o.TLSConfig, trusted)
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTimeout
	}
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClusterClient(o), nil
}

func openSentinel(scheme, rest string) (redis.UniversalClient, error) {
	u, err := severalHosts(scheme, rest, "26379")
	if err != nil {
		return nil, err
	}
	trusted, err := authorities(u)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	master := query.Get("master")
	if master == "" {
		return nil, urlProblem("the parameter master is missing: it names the master that the sentinels watch")
	}
	sentinelUser, sentinelPassword := query.Get("sentinel_username"), query.Get("sentinel_password")
	for _, name := range []string{"master", "sentinel_username", "sentinel_password"} {
		query.Del(name)
	}
	query.Set("master_name", master)
	u.RawQuery = query.Encode()
	user := u.User
	u.User = nil // go-redis would take it for the sentinels'
	o, err := redis.ParseFailoverURL(u.String())
	if err != nil {
		return nil, err
	}
	trust(o.TLSConfig, trusted)
	o.SentinelUsername, o.SentinelPassword = sentinelUser, sentinelPassword
	if user != nil {
		o.Username = user.Username()
		o.Password, _ = user.Password()
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = dialTimeout
	}
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true
	return redis.NewFailoverClient(o), nil
}

// authorities takes ca_file out of a URL and reads the file; nil are the machine's.
func authorities(u *url.URL) (*x509.CertPool, error) {
	query := u.Query()
	path := query.Get("ca_file")
	if path == "" {
		return nil, nil
	}
	query.Del("ca_file")
	u.RawQuery = query.Encode()
	if !strings.HasPrefix(u.Scheme, "rediss") {
		return nil, urlProblem("ca_file is for TLS: begin with rediss")
	}
	content, err := os.ReadFile(path)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(content) {
		return nil, urlProblem("the file that ca_file names can't be read as certificates: name one in PEM form that this user may read")
	}
	return pool, nil
}

func trust(config *tls.Config, trusted *x509.CertPool) {
	if config != nil {
		config.RootCAs = trusted
	}
}

// isUntrusted reports whether a server's certificate is why there is no connection.
func isUntrusted(err error) bool {
	var untrusted *tls.CertificateVerificationError
	return errors.As(err, &untrusted)
}

// severalHosts turns host1,host2 into the form that go-redis reads: the first
// as the host, the others as parameters. net/url refuses several hosts itself.
func severalHosts(scheme, rest, port string) (*url.URL, error) {
	if scheme != "redis" && scheme != "rediss" {
		return nil, unknownScheme
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if strings.Contains(rest[end:], "@") {
		return nil, unreadable // it stands in a password, which may be behind here
	}
	authority, tail := rest[:end], rest[end:]
	user := ""
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, authority = authority[:at+1], authority[at+1:]
	}
	hosts := strings.Split(authority, ",")
	for i, host := range hosts {
		if _, _, err := net.SplitHostPort(host); err != nil {
			hosts[i] = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	u, err := url.Parse(scheme + "://" + user + hosts[0] + tail)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	for _, host := range hosts[1:] {
		query.Add("addr", host)
	}
	u.RawQuery = query.Encode()
	return u, nil
}
