package app

import (
	"context"

	"carillon/access"
	"carillon/internal/fault"
)

// welcome shows the link by which the first person comes into the console, as long as nobody has.
// It opens everything, so that only a terminal shows it; elsewhere the command that makes one is
// named.
func (s *Server) welcome(ctx context.Context, notices Notices) error {
	people := *s.Engine.People
	if people.Address == "" {
		people.Address = s.URL
	}
	ways, err := people.Ways(ctx)
	if err != nil || !ways.Nobody {
		return err
	}
	if !notices.Private {
		notices.Say("Nobody signs in to the console yet: carillon users invite --role admin makes a link for the first person.")
		return nil
	}
	account, _, err := s.Engine.Store.EnsureAccount(ctx, accountName)
	if err != nil {
		return err
	}
	_, _, link, err := people.Invite(ctx, access.Invitation{AccountID: account.ID, Role: access.Admin, Approver: true, InvitedBy: "carillon"})
	if fault.Is(err, fault.Conflict) {
		return nil // somebody came in meanwhile
	}
	if err == nil {
		notices.Say("Open the console, once, within seven days:\n\n    " + link.Reveal() + "\n")
	}
	return err
}
