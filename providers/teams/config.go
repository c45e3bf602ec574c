package teams

import (
	"net/url"
	"slices"
	"strings"

	"carillon/internal/fault"
	"carillon/providers/room"
)

// Hosts of Microsoft's, by how they end.
var (
	// flows are where workflows are asked: Power Automate, Azure Logic Apps, and both for
	// governments.
	flows = []string{".api.powerplatform.com", ".logic.azure.com", ".powerplatform.microsoft.us", ".logic.azure.us"}
	// connectors were Office 365's, which Microsoft ended in May 2026.
	connectors = []string{".webhook.office.com", "outlook.office.com", "outlook.office365.com"}
)

func check(c *room.Config) []fault.Field { return room.Check(c, wrong) }

// wrong says why a URL is not that of a workflow.
func wrong(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	ends := func(end string) bool { return strings.HasSuffix(host, end) }
	switch {
	case slices.ContainsFunc(connectors, ends):
		return "is a connector's, and Microsoft has ended these: make a workflow for the channel, and take its URL"
	case !slices.ContainsFunc(flows, ends):
		return "must be a workflow's, as Teams shows it, at a host that ends with .api.powerplatform.com or .logic.azure.com"
	case u.Query().Get("sig") == "":
		return "must hold sig, the workflow's signature: let anyone trigger the workflow, and take the whole of its URL"
	}
	return ""
}
