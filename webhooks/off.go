package webhooks

import (
	"fmt"

	"carillon/providers"
)

// OffMail tells those in charge that a webhook was switched off, and why.
func (w Webhook) OffMail(why string) providers.Content {
	name := w.URL
	if w.Description != "" {
		name = w.Description + ", " + w.URL
	}
	return providers.Content{
		Subject: fmt.Sprintf("Carillon has switched webhook %d off", w.ID),
		Text: fmt.Sprintf(`Webhook %d (%s) is told of nothing any more:

%s

What waited for it is given up; it is listed among its deliveries for as long as they are kept. Once the program answers again:

carillon webhooks resume %d
carillon webhooks replay %d --dry-run
`, w.ID, name, why, w.ID, w.ID),
	}
}
