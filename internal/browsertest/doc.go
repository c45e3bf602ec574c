// Package browsertest walks through the pages of recipients in a real browser: links that
// are tracked, the page to unsubscribe, the one to choose, with axe on each.
package browsertest
