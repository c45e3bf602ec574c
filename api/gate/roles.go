package gate

import (
	"slices"
	"strings"

	"carillon/access"
	"carillon/internal/fault"
)

// Roles says which roles may call a route.
type Roles []access.Role

// Allows reports whether a role may.
func (p Roles) Allows(role access.Role) bool { return slices.Contains(p, role) }

func (p Roles) String() string {
	names := make([]string, len(p))
	for i, r := range p {
		names[i] = string(r)
	}
	return strings.Join(names, ", ")
}

// notOperator refuses a key that is no operator's.
func notOperator(caller access.Caller) error {
	return fault.New(fault.Forbidden, "%q is no operator's key, and this needs one: whoever runs this installation has one, in its data folder "+
		"or its configuration (CARILLON_ADMIN_KEY)", caller.Name)
}

// admit refuses a key whose role is not among them.
func (p Roles) admit(caller access.Caller) error {
	if p.Allows(caller.Role) {
		return nil
	}
	if caller.Person() {
		return fault.New(fault.Forbidden, "your role in this account is %s; this needs one of: %s", caller.Role, p)
	}
	return fault.New(fault.Forbidden, "the key %q is a %s key; this needs one of: %s", caller.Name, caller.Role, p)
}
