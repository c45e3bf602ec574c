package mail

import "carillon/providers"

// bounces are the enhanced codes that say that it is the address's own fault
// (RFC 3463: no such mailbox, domain or syntax, moved, disabled, full; RFC 7505:
// null MX). A 550 without one may as well mean that the server does not want us.
var bounces = map[string]providers.BounceKind{
	"5.1.1": providers.BounceHard, "5.1.2": providers.BounceHard, "5.1.3": providers.BounceHard,
	"5.1.6": providers.BounceHard, "5.1.10": providers.BounceHard,
	"5.2.1": providers.BounceSoft, "5.2.2": providers.BounceSoft,
}

// BounceOf is what an enhanced code, such as 5.1.1, says of an address; empty if nothing.
func BounceOf(enhanced string) providers.BounceKind { return bounces[enhanced] }
