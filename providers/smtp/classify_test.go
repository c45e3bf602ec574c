package smtp

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"carillon/providers"
)

// realReplies are what servers say, each as its provider's documentation or a
// user of it has it, with names and numbers exchanged.
var realReplies = []struct {
	at    stage
	reply string
	kind  providers.ErrorKind
}{
	// The sender, whoever is written to.
	{sender, "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user shop@example.org", providers.ErrorSender},
	{recipient, "553 5.7.1 <news@example.org>: Sender address rejected: not owned by user shop@example.org", providers.ErrorSender},
	{recipient, "550 5.1.8 <news@example.org>: Sender address rejected: Domain not found", providers.ErrorSender},
	{sender, "550 5.1.7 bad sender", providers.ErrorSender},
	{sender, "550 5.7.1 sender refused", providers.ErrorSender},
	{sender, "553 mailbox name not allowed", providers.ErrorSender},
	{sender, "550-Requested action not taken: mailbox unavailable\r\n550 Sender address is not allowed.", providers.ErrorSender},
	{body, "550 5.7.60 SMTP; Client does not have permissions to send as this sender", providers.ErrorSender},
	{body, "554 5.2.252 SendAsDenied; shop@example.org not allowed to send as news@example.org; " +
		"STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied", providers.ErrorSender},
	{body, "554 Message rejected: Email address is not verified. The following identities failed the check in region EU-WEST-1: news@example.org",
		providers.ErrorSender},
	{body, "550 The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.", providers.ErrorSender},
	{sender, "403 You are not authorized to send from that email address", providers.ErrorSender},
	{sender, "553 From: address not verified; see the help", providers.ErrorSender},
	{sender, "553 Sender is not allowed to relay emails", providers.ErrorSender},
	{sender, "553 Relaying disallowed as news@example.org", providers.ErrorSender},
	{body, "550 5.7.0 From address is not one of your addresses.", providers.ErrorSender},
	{body, "550-5.7.26 This message does not have authentication information or fails to\r\n" +
		"550-5.7.26 pass authentication checks (SPF or DKIM). To best protect our users from\r\n550 5.7.26 spam, the message has been blocked. x1-2002 - gsmtp",
		providers.ErrorSender},

	// What may be sent in some time.
	{sender, "550 5.4.5 Daily user sending quota exceeded. s5sm12197523qke.120 - gsmtp", providers.ErrorQuota},
	{body, "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\r\n550-5.4.5 sending limits go to\r\n" +
		"550 5.4.5  https://support.google.com/a/answer/166852 x - gsmtp", providers.ErrorQuota},
	{sender, "550 5.4.5 Daily SMTP relay limit exceeded for customer.", providers.ErrorQuota},
	{body, "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException.MapiExceptionSubmissionQuotaExceeded; Failed to process message due to a " +
		"permanent exception", providers.ErrorQuota},
	{body, "454 Throttling failure: Daily message quota exceeded", providers.ErrorQuota},
	{signIn, "451 Authentication failed: Maximum credits exceeded", providers.ErrorQuota},
	{sender, "450 Mail send limit exceeded", providers.ErrorQuota},
	{recipient, "550 Domain example.org has exceeded the max emails per hour (150/150 (100%)) allowed. Message discarded.", providers.ErrorQuota},
	{recipient, "550 Domain example.org has exceeded the max defers and failures per hour (5/5 (100%)) allowed. Message discarded.", providers.ErrorQuota},
	{recipient, "554 5.7.1 <ann@example.com>: Recipient address rejected: You have exceeded your Outmail quota.", providers.ErrorQuota},
	{body, "554 5.7.1 Reached address outgoing limits for news@example.org", providers.ErrorQuota},

	// Us altogether.
	{greeting, "554-gmx.net (mxgmx104) Nemesis ESMTP Service not available\r\n554-No SMTP service\r\n554-IP address is block listed.\r\n" +
		"554 For explanation visit https://postmaster.gmx.net/en/case?c=r0201", providers.ErrorAccount},
	{greeting, "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in a list", providers.ErrorAccount},
	{sender, "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on " +
		"our block list (S3140).", providers.ErrorAccount},
	{body, "550 5.1.8 Access denied, bad outbound sender AS(42004)", providers.ErrorAccount},
	{body, "550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP. AS(7171)", providers.ErrorAccount},
	{body, "550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold.", providers.ErrorAccount},
	{recipient, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", providers.ErrorAccount},
	{recipient, "554 5.7.1 <host>: Client host rejected: Access denied", providers.ErrorAccount},
	{recipient, "504 5.5.2 <localhost>: Helo command rejected: need fully-qualified hostname", providers.ErrorAccount},
	{body, "554 Access denied: User `arn:aws:iam::1:user/x' is not authorized to perform `ses:SendRawEmail' on resource " +
		"`arn:aws:ses:eu-west-2:1:identity/example.org'", providers.ErrorAccount},
	{body, "554 Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.",
		providers.ErrorAccount},
	{body, "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded", providers.ErrorAccount},
	{body, "550 5.4.6 Unusual sending activity detected. Please try after sometime", providers.ErrorAccount},

	// Credentials.
	{sender, "530 5.7.57 Client not authenticated to send mail.", providers.ErrorAuth},
	{signIn, "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.", providers.ErrorAuth},
	{signIn, "535-5.7.8 Username and Password not accepted. For more information, go to\r\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
		providers.ErrorAuth},

	// One recipient, for now: nobody else is meant.
	{recipient, "450-4.2.1 The user you are trying to contact is receiving mail too quickly. Please\r\n" +
		"450-4.2.1 resend your message at a later time. If the user is able to receive mail at\r\n450 4.2.1 that time, your message will be delivered. x - gsmtp",
		providers.ErrorRecipientBusy},
	{recipient, "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.",
		providers.ErrorRecipientBusy},
	{recipient, "452 4.2.2 The email account that you tried to reach is over quota.", providers.ErrorRecipientBusy},
	{recipient, "450 4.2.0 <ann@example.com>: Recipient address rejected: Greylisted", providers.ErrorRecipientBusy},
	// The customer's, although the code is a mailbox's.
	{recipient, "450 4.2.1 Peak SMTP relay limit exceeded for customer. This is a temporary error.", providers.ErrorThrottled},

	// Our speed.
	{body, "454 Throttling failure: Maximum sending rate exceeded", providers.ErrorThrottled},
	{sender, "421-4.7.28 [192.0.2.1] Our system has detected an unusual rate of\r\n421 4.7.28 unsolicited mail originating from your IP address.",
		providers.ErrorThrottled},
	{greeting, "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", providers.ErrorThrottled},
	{greeting, "421 Rate limit reached. Please try again later", providers.ErrorThrottled},

	// The server, for now.
	{sender, "450 4.1.8 <news@example.org>: Sender address rejected: Domain not found", providers.ErrorTemporary},
	{recipient, "451 4.3.0 Mail server temporarily rejected message.", providers.ErrorTemporary},

	// One recipient, for good.
	{recipient, "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n" +
		"550-5.1.1 double-checking the recipient's email address for typos or\r\n550 5.1.1 unnecessary spaces. x - gsmtp", providers.ErrorRecipient},
	{recipient, "550 5.2.1 The email account that you tried to reach is disabled.", providers.ErrorRecipient},
	{recipient, "552-5.2.2 The email account that you tried to reach is over quota and inactive.\r\n552 5.2.2 Please direct the recipient to the help. x - gsmtp",
		providers.ErrorRecipient},
	{recipient, "554 5.7.1 <ann@example.com>: Recipient address rejected: User unknown", providers.ErrorRecipient},
	{body, "550 5.7.513 Service unavailable, Client host [192.0.2.1] rejected by the recipient's own list", providers.ErrorContent},
	{body, "550 You tried to send to recipient(s) that have been marked as inactive.", providers.ErrorRecipient},

	// One message.
	{sender, "552 5.3.4 Message size exceeds fixed limit", providers.ErrorContent},
	{body, "552 5.3.4 too big", providers.ErrorContent},
	{body, "554-Transaction failed\r\n554-Reject due to policy restrictions.\r\n554 For explanation visit https://postmaster.gmx.net/de/case?c=r0735",
		providers.ErrorContent},
}

func TestRealReplies(t *testing.T) {
	for _, c := range realReplies {
		r, err := readReply(bufio.NewReader(strings.NewReader(c.reply + "\r\n")))
		require.NoError(t, err, c.reply)
		e := classify(c.at, r)
		require.Equal(t, c.kind, e.Kind, "%s: %s", c.at, c.reply)
		if c.kind != providers.ErrorRecipient {
			require.Empty(t, e.Bounce, "%s: no address is at fault", c.reply)
		}
	}
}

// What is known of a provider's words is tried on a whole reply, in the class and
// at the stage that it speaks of, and wins over what the codes would say.
func TestEveryWordingIsFound(t *testing.T) {
	for _, w := range wordings {
		class, at := w.class, body
		if class == 0 {
			class = 5
		}
		if w.at != nil {
			at = w.at[0]
		}
		text := "we say: " + strings.ToUpper(w.words) + ", so there"
		e := classify(at, reply{code: class*100 + 50, text: text})
		require.Equal(t, w.kind, e.Kind, w.words)
		require.Equal(t, strings.ToLower(w.words), w.words, "they are compared in lower case")
	}
}

// All lines of a reply are kept and judged by, whichever says what matters.
func TestEveryLineOfAReplyCounts(t *testing.T) {
	for _, raw := range []string{
		"550-5.7.1 Sender address rejected\r\n550-because of our rules\r\n550 see https://example.com/help\r\n",
		"550-see https://example.com/help\r\n550-5.7.1 Sender address rejected\r\n550 goodbye\r\n",
		"550-see https://example.com/help\r\n550 5.7.1 Sender address rejected\r\n",
	} {
		r, err := readReply(bufio.NewReader(strings.NewReader(raw)))
		require.NoError(t, err)
		e := classify(recipient, r)
		require.Equal(t, providers.ErrorSender, e.Kind, raw)
		require.Equal(t, "550 5.7.1", e.Code)
		require.Contains(t, e.Error(), "https://example.com/help")
		require.Contains(t, e.Error(), "Sender address rejected")
	}
	long := strings.Repeat("550-"+strings.Repeat("x", 400)+"\r\n", 90)
	r, err := readReply(bufio.NewReader(strings.NewReader(long + "550 5.1.1 no such user\r\n")))
	require.NoError(t, err)
	require.LessOrEqual(t, len(r.text), maxReplyText)
	require.True(t, strings.HasPrefix(r.text, "5.1.1 x"), r.text)
	require.True(t, strings.HasSuffix(r.text, "no such user"), r.text)
}
