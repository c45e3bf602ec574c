// Package links knows the addresses that links begin with.
package links

import "net/url"

// IsBase reports whether paths can be put behind a text, so that links come of it.
func IsBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
