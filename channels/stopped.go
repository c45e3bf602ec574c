package channels

import (
	"fmt"

	"carillon/providers"
)

// StoppedMail tells those in charge that a channel was stopped, and why.
func StoppedMail(id int64, name, why string) providers.Content {
	return providers.Content{
		Subject: fmt.Sprintf("Carillon has stopped the channel %s", name),
		Text: fmt.Sprintf(`Nothing goes over channel %d (%s) any more:

%s

Its messages wait, and no attempt is spent. Once it is in order:

carillon channel check %d
carillon channel resume %d
`, id, name, why, id, id),
	}
}
