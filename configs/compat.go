package configs

import (
	"fmt"
	"net/url"
	"strings"

	"carillon/internal/fault"
)

// CompatHostNames are the APIs of others by the hosts that serve one each.
func (c Config) CompatHostNames() map[string]string {
	hosts := map[string]string{}
	for _, entry := range listed(c.CompatHosts) {
		name, host, _ := strings.Cut(entry, "=")
		hosts[strings.ToLower(strings.TrimSpace(host))] = strings.TrimSpace(name)
	}
	return hosts
}

// CompatOrigins are those whose pages may call the APIs of others.
func (c Config) CompatOrigins() []string { return listed(c.CompatCORS) }

// listed are the entries of a list with commas.
func listed(text string) (list []string) {
	for entry := range strings.SplitSeq(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// compatNames are the APIs of others that are served.
var compatNames = map[string]bool{"chat44mp": true, "chatapi": true, "chatwoot": true, "messengerpeople": true, "xms": true}

func (c Config) checkCompat() (wrong []fault.Field) {
	add := func(name string, value any, message string) {
		wrong = append(wrong, fault.Field{Location: name, Value: value, Message: message, Source: c.source(name)})
	}
	if p := c.CompatPrefix; p != "" && (!strings.HasPrefix(p, "/") || strings.HasSuffix(p, "/") || strings.ContainsAny(p, " ?#")) {
		add("compat_prefix", p, "must be a path such as /compat, without a slash at its end")
	}
	for host, name := range c.CompatHostNames() {
		if !compatNames[name] || host == "" || strings.ContainsAny(host, "/: ") {
			add("compat_hosts", fmt.Sprintf("%s=%s", name, host),
				"must be entries such as chatwoot=inbox.example.org, with one of chat44mp, chatapi, chatwoot, messengerpeople, xms")
		}
	}
	for _, origin := range c.CompatOrigins() {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.Path != "" {
			add("compat_cors", origin, "must be origins such as https://shop.example.org, without a path")
		}
	}
	return wrong
}
