// Package browsertest asks a real browser. It walks through the pages of recipients: links that
// are tracked, the page to unsubscribe, the one to choose, with axe on each; and it holds what is
// said of sign-ins and passkeys against what the browser keeps, sends and shows.
package browsertest
