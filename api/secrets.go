package api

import (
	"time"

	"carillon/internal/secret"
)

// SecretSetting is when a secret was set last and by whom, and never what it is.
type SecretSetting struct {
	SetAt    *time.Time      `json:"set_at,omitempty" doc:"When it was set last; absent where that was not recorded, because it was set by a version before this was."`
	SetBy    string          `json:"set_by,omitempty" doc:"Who set it, as the audit trail names them; absent as set_at is." example:"key 3 (deploy)"`
	Replaced *ReplacedSecret `json:"replaced,omitempty" doc:"That what it was before counts as well; absent if that counts no more."`
}

// ReplacedSecret is until when what a secret was before counts.
type ReplacedSecret struct {
	EndsAt *time.Time `json:"ends_at,omitempty" doc:"When it counts no more; absent for a webhook's that signs along until another is made, or it is ended."`
}

// secretViews are secrets by the names of their settings, as far as it was recorded when they
// were set.
func secretViews(names []string, set secret.Record) map[string]SecretSetting {
	views := make(map[string]SecretSetting, len(names))
	for _, name := range names {
		var view SecretSetting
		if given, ok := set[name]; ok {
			view.SetAt, view.SetBy = timestamp(&given.At), given.By
		}
		views[name] = view
	}
	return views
}
