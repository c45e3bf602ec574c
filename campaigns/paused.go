package campaigns

import (
	"fmt"

	"carillon/providers"
)

// PausedMail tells those in charge that a campaign was paused by no person, and why.
func PausedMail(id int64, name, why string) providers.Content {
	return providers.Content{
		Subject: fmt.Sprintf("Carillon has paused the campaign %s", name),
		Text: fmt.Sprintf(`Nothing of campaign %d (%s) goes out any more:

%s

What waits goes on from where it stopped, once it is in order:

carillon campaign show %d
carillon campaign resume %d
`, id, name, why, id, id),
	}
}
