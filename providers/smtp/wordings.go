package smtp

import "carillon/providers"

// wording is what servers say where their codes don't: the words, in lower case,
// and what they mean.
type wording struct {
	words string
	kind  providers.ErrorKind
	// class is the reply's first digit; 0 is any.
	class int
	// at are the stages at which it means that; nil is any.
	at []stage
}

// wordings are looked through in their order; the first that is found counts.
// They are from the providers' own documentation and from replies that users of
// theirs have shown; classify_test.go has each in a whole reply. Only phrases
// that can't be about a recipient belong here: "quota exceeded" alone may as well
// be said of a full mailbox.
var wordings = []wording{
	// What may be sent in a day, an hour or a month is used up.
	{words: "sending quota exceeded", kind: providers.Quota}, // Gmail: 550 5.4.5 Daily user sending quota exceeded
	{words: "sending limit exceeded", kind: providers.Quota}, // Gmail: 550 5.4.5 Daily user sending limit exceeded
	{words: "exceeded its 24-hour sending limit", kind: providers.Quota},
	{words: "dailylimitexceeded", kind: providers.Quota},                 // Gmail, in the address of its help
	{words: "daily smtp relay limit exceeded", kind: providers.Quota},    // Google Workspace: 550 5.4.5
	{words: "peak smtp relay limit exceeded", kind: providers.Throttled}, // Google Workspace: 450 4.2.1, of the customer
	{words: "smtp relay sending limit", kind: providers.Quota},
	{words: "submissionquotaexceeded", kind: providers.Quota},          // Exchange Online: 554 5.2.0, after the dot
	{words: "recipient rate limit exceeded", kind: providers.Quota},    // Exchange Online: 550 5.1.90 of a day's recipients
	{words: "daily message quota exceeded", kind: providers.Quota},     // SES: 454
	{words: "maximum credits exceeded", kind: providers.Quota},         // SendGrid: 451
	{words: "mail send limit exceeded", kind: providers.Quota},         // GMX, web.de: 450
	{words: "max emails per hour", kind: providers.Quota},              // cPanel
	{words: "max defers and failures per hour", kind: providers.Quota}, // cPanel
	{words: "outgoing limits", kind: providers.Quota},                  // Migadu: 554 5.7.1
	{words: "exceeded your outmail quota", kind: providers.Quota},
	{words: "daily sending quota", kind: providers.Quota},
	{words: "hourly sending", kind: providers.Quota},
	{words: "unusual rate", kind: providers.Quota, class: 5}, // Gmail: 550 5.7.28
	{words: "sending rate exceeded", kind: providers.Quota, class: 5},
	{words: "rate limit exceeded", kind: providers.Quota, class: 5},
	{words: "too many messages", kind: providers.Quota, class: 5},
	{words: "too many emails", kind: providers.Quota, class: 5},

	// We are refused altogether.
	{words: "bad outbound sender", kind: providers.Account},               // Exchange Online: 550 5.1.8
	{words: "tenant has exceeded threshold", kind: providers.Account},     // Exchange Online: 550 5.7.705
	{words: "traffic not accepted from this ip", kind: providers.Account}, // Exchange Online: 550 5.7.708
	{words: "banned sending ip", kind: providers.Account},                 // Exchange Online: 550 5.7.606 to 649
	{words: "is on our block list", kind: providers.Account},              // Outlook.com: 550 5.7.1 (S3140)
	{words: "sendasdenied", kind: providers.Sender},                       // Exchange Online: 554 5.2.252
	{words: "storedrv.submission.exception", kind: providers.Account},     // Exchange Online, after the dot: of our own mailbox
	{words: "sending paused for this account", kind: providers.Account},   // SES: 554
	{words: "is not authorized to perform", kind: providers.Account},      // SES: 554 Access denied
	{words: "account is pending approval", kind: providers.Account},       // Postmark
	{words: "account has been suspended", kind: providers.Account},
	{words: "account is suspended", kind: providers.Account},
	{words: "account suspended", kind: providers.Account},
	{words: "account is disabled", kind: providers.Account, at: []stage{greeting, hello, signIn, sender}},
	{words: "account is not activated", kind: providers.Account}, // Brevo
	{words: "account is not yet activated", kind: providers.Account},
	{words: "unauthorized ip address", kind: providers.Account},         // Brevo: 525 5.7.1
	{words: "sandbox subdomains are for test", kind: providers.Account}, // Mailgun
	{words: "is not allowed to send", kind: providers.Account},          // Mailgun, of a domain that was disabled
	{words: "unusual sending activity", kind: providers.Account},        // Zoho: 550 5.4.6
	{words: "mail relay denied", kind: providers.Account},               // Google Workspace's relay: 550 5.7.1
	{words: "invalid credentials for relay", kind: providers.Account},   // Google Workspace's relay: 550 5.7.1
	{words: "client host rejected", kind: providers.Account, class: 5},  // Postfix
	{words: "helo command rejected", kind: providers.Account, class: 5}, // Postfix
	{words: "blocked using", kind: providers.Account, class: 5},         // Postfix: Client host [..] blocked using a list
	{words: "ip address is block listed", kind: providers.Account},      // GMX: 554, as greeting

	// Our sender is refused, by servers too that say so at RCPT (Postfix) or after
	// the message.
	{words: "sender address rejected", kind: providers.Sender, class: 5},                  // Postfix: 553 5.7.1 not owned by user
	{words: "sender address is not allowed", kind: providers.Sender},                      // GMX: 550
	{words: "does not belong to logged in user", kind: providers.Sender},                  // IONOS
	{words: "send as this sender", kind: providers.Sender},                                // Exchange: 550 5.7.60
	{words: "email address is not verified", kind: providers.Sender},                      // SES: 554, with the identities
	{words: "verified sender identity", kind: providers.Sender},                           // SendGrid: 550
	{words: "not authorized to send from", kind: providers.Sender},                        // SendGrid: 403
	{words: "not a sender signature", kind: providers.Sender},                             // Postmark
	{words: "sender signature", kind: providers.Sender},                                   // Postmark: not found, not confirmed
	{words: "from: address not verified", kind: providers.Sender},                         // Yahoo: 553
	{words: "from address is not one of your", kind: providers.Sender},                    // iCloud: 550 5.7.0
	{words: "sender is not allowed to relay", kind: providers.Sender},                     // Zoho: 553
	{words: "relaying disallowed as", kind: providers.Sender},                             // Zoho: 553
	{words: "as a sender domain", kind: providers.Sender},                                 // SmarterMail: You are not allowed to use the domain
	{words: "does not have authentication information", kind: providers.Sender, class: 5}, // Gmail: 550 5.7.26
	{words: "unauthenticated email from", kind: providers.Sender, class: 5},               // Gmail: 550 5.7.26, of our domain's policy

	// One recipient, although the code says otherwise.
	{words: "marked as inactive", kind: providers.Recipient, class: 5}, // Postmark: 406, a suppressed recipient
}

// tooFast are words of temporary refusals with which servers say so where they
// have no code for it (seen from Gmail, Outlook, Yahoo, Postfix, Exim and SES).
var tooFast = []string{
	"too many", "rate limit", "rate-limit", "ratelimit", "rate exceeded", "sending rate", "throttl",
	"too fast", "too quickly", "slow down", "unusual rate",
}
