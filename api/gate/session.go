package gate

import (
	"context"
	"net/http"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/internal/secret"
)

// SessionCookie is the cookie that opens a session. Its prefix has browsers take it from this
// host alone, over TLS, for all paths.
const SessionCookie = "__Host-carillon"

// Sessions knows who is signed in; *access.People does.
type Sessions interface {
	// Visit finds whom a request of a browser comes from. A session that is unknown or has
	// ended is Unauthorized.
	Visit(ctx context.Context, token secret.String) (access.Caller, error)
}

// session is the token of the session that a browser is in, where sessions are taken.
func (g *Gate) session(r *http.Request) (string, bool) {
	if g.deps.Sessions == nil {
		return "", false
	}
	cookie, err := r.Cookie(SessionCookie)
	if err != nil || cookie.Value == "" {
		return "", false
	}
	return cookie.Value, true
}

// visit finds who is in a session. What another site has a browser send is Forbidden.
func (g *Gate) visit(ctx context.Context, r *http.Request, token string) (access.Caller, error) {
	if CrossSite(r) {
		return access.Caller{}, fault.New(fault.Forbidden, "the request comes from a page of another site")
	}
	return g.deps.Sessions.Visit(ctx, secret.New(token))
}

// CrossSite reports whether a page of another site has a browser send a request that may change
// something: browsers say so themselves (Sec-Fetch-Site, or else Origin).
func CrossSite(r *http.Request) bool { return http.NewCrossOriginProtection().Check(r) != nil }
