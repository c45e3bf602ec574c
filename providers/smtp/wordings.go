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
	{words: "sending quota exceeded", kind: providers.ErrorQuota}, // Gmail: 550 5.4.5 Daily user sending quota exceeded
	{words: "sending limit exceeded", kind: providers.ErrorQuota}, // Gmail: 550 5.4.5 Daily user sending limit exceeded
	{words: "exceeded its 24-hour sending limit", kind: providers.ErrorQuota},
	{words: "dailylimitexceeded", kind: providers.ErrorQuota},                 // Gmail, in the address of its help
	{words: "daily smtp relay limit exceeded", kind: providers.ErrorQuota},    // Google Workspace: 550 5.4.5
	{words: "peak smtp relay limit exceeded", kind: providers.ErrorThrottled}, // Google Workspace: 450 4.2.1, of the customer
	{words: "smtp relay sending limit", kind: providers.ErrorQuota},
	{words: "submissionquotaexceeded", kind: providers.ErrorQuota},          // Exchange Online: 554 5.2.0, after the dot
	{words: "recipient rate limit exceeded", kind: providers.ErrorQuota},    // Exchange Online: 550 5.1.90 of a day's recipients
	{words: "daily message quota exceeded", kind: providers.ErrorQuota},     // SES: 454
	{words: "maximum credits exceeded", kind: providers.ErrorQuota},         // SendGrid: 451
	{words: "mail send limit exceeded", kind: providers.ErrorQuota},         // GMX, web.de: 450
	{words: "max emails per hour", kind: providers.ErrorQuota},              // cPanel
	{words: "max defers and failures per hour", kind: providers.ErrorQuota}, // cPanel
	{words: "outgoing limits", kind: providers.ErrorQuota},                  // Migadu: 554 5.7.1
	{words: "exceeded your outmail quota", kind: providers.ErrorQuota},
	{words: "daily sending quota", kind: providers.ErrorQuota},
	{words: "hourly sending", kind: providers.ErrorQuota},
	{words: "unusual rate", kind: providers.ErrorQuota, class: 5}, // Gmail: 550 5.7.28
	{words: "sending rate exceeded", kind: providers.ErrorQuota, class: 5},
	{words: "rate limit exceeded", kind: providers.ErrorQuota, class: 5},
	{words: "too many messages", kind: providers.ErrorQuota, class: 5},
	{words: "too many emails", kind: providers.ErrorQuota, class: 5},

	// We are refused altogether.
	{words: "bad outbound sender", kind: providers.ErrorAccount},               // Exchange Online: 550 5.1.8
	{words: "tenant has exceeded threshold", kind: providers.ErrorAccount},     // Exchange Online: 550 5.7.705
	{words: "traffic not accepted from this ip", kind: providers.ErrorAccount}, // Exchange Online: 550 5.7.708
	{words: "banned sending ip", kind: providers.ErrorAccount},                 // Exchange Online: 550 5.7.606 to 649
	{words: "is on our block list", kind: providers.ErrorAccount},              // Outlook.com: 550 5.7.1 (S3140)
	{words: "sendasdenied", kind: providers.ErrorSender},                       // Exchange Online: 554 5.2.252
	{words: "storedrv.submission.exception", kind: providers.ErrorAccount},     // Exchange Online, after the dot: of our own mailbox
	{words: "sending paused for this account", kind: providers.ErrorAccount},   // SES: 554
	{words: "is not authorized to perform", kind: providers.ErrorAccount},      // SES: 554 Access denied
	{words: "account is pending approval", kind: providers.ErrorAccount},       // Postmark
	{words: "account has been suspended", kind: providers.ErrorAccount},
	{words: "account is suspended", kind: providers.ErrorAccount},
	{words: "account suspended", kind: providers.ErrorAccount},
	{words: "account is disabled", kind: providers.ErrorAccount, at: []stage{greeting, hello, signIn, sender}},
	{words: "account is not activated", kind: providers.ErrorAccount}, // Brevo
	{words: "account is not yet activated", kind: providers.ErrorAccount},
	{words: "unauthorized ip address", kind: providers.ErrorAccount},         // Brevo: 525 5.7.1
	{words: "sandbox subdomains are for test", kind: providers.ErrorAccount}, // Mailgun
	{words: "is not allowed to send", kind: providers.ErrorAccount},          // Mailgun, of a domain that was disabled
	{words: "unusual sending activity", kind: providers.ErrorAccount},        // Zoho: 550 5.4.6
	{words: "mail relay denied", kind: providers.ErrorAccount},               // Google Workspace's relay: 550 5.7.1
	{words: "invalid credentials for relay", kind: providers.ErrorAccount},   // Google Workspace's relay: 550 5.7.1
	{words: "client host rejected", kind: providers.ErrorAccount, class: 5},  // Postfix
	{words: "helo command rejected", kind: providers.ErrorAccount, class: 5}, // Postfix
	{words: "blocked using", kind: providers.ErrorAccount, class: 5},         // Postfix: Client host [..] blocked using a list
	{words: "ip address is block listed", kind: providers.ErrorAccount},      // GMX: 554, as greeting

	// Our sender is refused, by servers too that say so at RCPT (Postfix) or after
	// the message.
	{words: "sender address rejected", kind: providers.ErrorSender, class: 5},                  // Postfix: 553 5.7.1 not owned by user
	{words: "sender address is not allowed", kind: providers.ErrorSender},                      // GMX: 550
	{words: "does not belong to logged in user", kind: providers.ErrorSender},                  // IONOS
	{words: "send as this sender", kind: providers.ErrorSender},                                // Exchange: 550 5.7.60
	{words: "email address is not verified", kind: providers.ErrorSender},                      // SES: 554, with the identities
	{words: "verified sender identity", kind: providers.ErrorSender},                           // SendGrid: 550
	{words: "not authorized to send from", kind: providers.ErrorSender},                        // SendGrid: 403
	{words: "not a sender signature", kind: providers.ErrorSender},                             // Postmark
	{words: "sender signature", kind: providers.ErrorSender},                                   // Postmark: not found, not confirmed
	{words: "from: address not verified", kind: providers.ErrorSender},                         // Yahoo: 553
	{words: "from address is not one of your", kind: providers.ErrorSender},                    // iCloud: 550 5.7.0
	{words: "sender is not allowed to relay", kind: providers.ErrorSender},                     // Zoho: 553
	{words: "relaying disallowed as", kind: providers.ErrorSender},                             // Zoho: 553
	{words: "as a sender domain", kind: providers.ErrorSender},                                 // SmarterMail: You are not allowed to use the domain
	{words: "does not have authentication information", kind: providers.ErrorSender, class: 5}, // Gmail: 550 5.7.26
	{words: "unauthenticated email from", kind: providers.ErrorSender, class: 5},               // Gmail: 550 5.7.26, of our domain's policy

	// One recipient, although the code says otherwise.
	{words: "marked as inactive", kind: providers.ErrorRecipient, class: 5}, // Postmark: 406, a suppressed recipient
}

// tooFast are words of temporary refusals with which servers say so where they
// have no code for it (seen from Gmail, Outlook, Yahoo, Postfix, Exim and SES).
var tooFast = []string{
	"too many", "rate limit", "rate-limit", "ratelimit", "rate exceeded", "sending rate", "throttl",
	"too fast", "too quickly", "slow down", "unusual rate",
}
