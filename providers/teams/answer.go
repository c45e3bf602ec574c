package teams

import (
	"encoding/json"
	"fmt"
	"net/http"

	"carillon/providers"
	"carillon/providers/line"
	"carillon/providers/room"
)

// refused is what is answered to a request that is not taken.
type refused struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// dead are the codes for a workflow that does nothing until a person has done something, and what
// each means.
var dead = map[string]string{
	"WorkflowNotFound":               "there is no such workflow, or it was deleted",
	"WorkflowTriggerNotFound":        "the workflow does not begin with a webhook",
	"WorkflowTriggerIsNotEnabled":    "the workflow is switched off",
	"WorkflowDisabled":               "the workflow is switched off",
	"EnvironmentNotFound":            "the environment of the workflow is no more",
	"MissingApiVersionParameter":     "the webhook's URL is not whole",
	"InvalidSharedAccessSignature":   "the signature in the webhook's URL is not the workflow's",
	"DirectApiInvalidAuthorization":  "the signature in the webhook's URL is not the workflow's",
	"DirectApiAuthorizationRequired": "the workflow lets only people of the tenant trigger it; let anyone",
	"AuthorizationFailed":            "the signature in the webhook's URL is not the workflow's",
}

// unsure are the codes for a workflow that began and said nothing in the end: it may have posted.
var unsure = map[string]bool{"NoResponse": true, "GatewayTimeout": true}

// read reads an answer. A workflow that was begun has a 202, and 200 where it answers itself.
func (p *Provider) read(answer *http.Response, of room.Room) (providers.Accepted, error) {
	text := line.Text(answer)
	failure := providers.ClassifyHTTP(answer.StatusCode, answer.Header, p.deps.Clock.Now())
	if failure == nil {
		return providers.Accepted{Response: answer.Status}, nil
	}
	var said refused
	if json.Unmarshal([]byte(text), &said) != nil || said.Error.Code == "" || answer.StatusCode/100 == 3 {
		return providers.Accepted{}, p.rooms.Foreign(failure, answer, text)
	}
	code := said.Error.Code
	why, known := dead[code]
	switch status := answer.StatusCode; {
	case unsure[code]:
		failure.Kind = providers.ErrorInDoubt
	case known:
		return providers.Accepted{}, room.Dead(of, line.Quote(code), why)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusNotFound, status == http.StatusGone:
		return providers.Accepted{}, room.Dead(of, answer.Status[:3], "the workflow can't be begun by the webhook"+p.rooms.Quoted(said.Error.Message))
	}
	failure.Err = fmt.Errorf("refused by the workflow%s", p.rooms.Quoted(code+": "+said.Error.Message))
	return providers.Accepted{}, failure
}
