package line

import (
	"fmt"
	"net/http"

	"carillon/providers"
)

// Foreign is what a refusal means that is not in a provider's words, such as "Twilio's words":
// somebody else answers at config.api, of whom failure is what the status says. said is what, without
// secrets.
func Foreign(failure *providers.Error, answer *http.Response, words, said string) *providers.Error {
	if answer.StatusCode/100 == 3 {
		failure.Err = fmt.Errorf("the server answered %s, and redirects are not followed: set config.api to where it points", answer.Status)
		return failure
	}
	failure.Err = fmt.Errorf("%w, and not in %s: check config.api", failure.Err, words)
	if quoted := Quote(said); quoted != "" {
		failure.Err = fmt.Errorf("%w: %s", failure.Err, quoted)
	}
	return failure
}
