package fakes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/internal/clock"
	"carillon/internal/fakes"
	"carillon/providers"
)

// mails has a fake do with each mail as the recipient's address says. Of the codes the first is of
// an address that is refused, the second of one that comes too fast.
func (f *far) mails(refused, tooFast string) {
	f.t.Helper()
	require.NoError(f.t, f.adapter.(providers.Checker).Check(f.t.Context()))
	mail := providers.Content{Subject: "News", Text: "Hi", HTML: "<p>Hi</p>"}
	require.Empty(f.t, f.send(1, "ada@example.org", mail))
	f.hears(1, providers.ReceiptDelivered)
	require.Equal(f.t, refused, f.send(2, "ada00@example.org", mail))
	require.Empty(f.t, f.send(3, "ada01@example.org", mail))
	f.hears(3, providers.ReceiptDelivered, providers.ReceiptComplained)
	require.Empty(f.t, f.send(4, "ada02@example.org", mail))
	f.hears(4, providers.ReceiptRejected)
	require.Empty(f.t, f.send(5, "ada03@example.org", mail))
	require.Equal(f.t, tooFast, f.send(6, "ada04@example.org", mail))
	require.Empty(f.t, f.send(6, "ada04@example.org", mail))
	f.hears(6, providers.ReceiptDelivered)
	mail.HTML += strings.Repeat("<p>Hi</p>\n", 200_000)
	require.Empty(f.t, f.send(10, "bob@example.org", mail), "mails are larger than other messages")
	f.hears(10, providers.ReceiptDelivered)
	require.Zero(f.t, f.started.Dropped())
	require.Empty(f.t, f.told[5], "nothing is heard of it")
}

// finds has a fake asked whether it took a mail. One that was not is of a message whose request was
// lost an hour ago.
func (f *far) finds(id int64, to string, want providers.Fate) {
	f.t.Helper()
	at := clock.System{}.Now().Add(-time.Hour)
	found, err := f.adapter.(providers.Finder).Find(f.t.Context(), providers.Sought{MessageID: id, To: to, From: at, Until: at})
	require.NoError(f.t, err)
	require.Equal(f.t, want, found.Fate)
}

func TestPostmark(t *testing.T) {
	f := newFar(t, "postmark", fakes.Postmark, func(address string) map[string]any {
		return map[string]any{"api": address, "token": "a-token-of-a-fake-0123", "from": "news@example.org", "hook_token": secret}
	})
	f.mails("406", "429")
	f.finds(1, "ada@example.org", providers.FateTaken)
	f.finds(7, "ada@example.org", providers.FateNotTaken)
	mail := func(id int64, to string) providers.Message {
		return providers.Message{ID: id, Attempt: 1, To: to, Content: providers.Content{Subject: "News", Text: "Hi"}}
	}
	together := f.adapter.(providers.BatchSender).SendBatch(t.Context(), []providers.Message{mail(8, "bob@example.org"), mail(9, "bob00@example.org")})
	require.NoError(t, together[0].Err)
	require.Equal(t, "406", providers.AsError(together[1].Err).Code)
}

func TestSendGrid(t *testing.T) {
	f := newFar(t, "sendgrid", fakes.SendGrid, func(address string) map[string]any {
		return map[string]any{
			"api": address, "api_key": "SG.a-key-of-a-fake-0123", "from": "news@example.org", "verification_key": fakes.SendGridKey(secret),
		}
	})
	f.mails("400", "429")
}

func TestMailgun(t *testing.T) {
	f := newFar(t, "mailgun", fakes.Mailgun, func(address string) map[string]any {
		return map[string]any{
			"api": address, "domain": "mg.example.org", "api_key": "key-of-a-fake-0123", "from": "news@example.org", "signing_key": secret,
		}
	})
	f.mails("400", "429")
	f.finds(1, "ada@example.org", providers.FateTaken)
	f.finds(7, "ada@example.org", providers.FateNotTaken)
}

func TestSES(t *testing.T) {
	f := newFar(t, "ses", fakes.SES, func(address string) map[string]any {
		return map[string]any{
			"api": address, "region": "eu-west-1", "access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "a-secret-of-a-fake", "from": "news@example.org",
		}
	})
	require.NoError(t, f.adapter.(providers.Checker).Check(t.Context()))
	mail := providers.Content{Subject: "News", Text: "Hi"}
	require.Empty(t, f.send(1, "ada@example.org", mail))
	require.Equal(t, "MESSAGE_REJECTED", f.send(2, "ada00@example.org", mail))
	require.Equal(t, "TOO_MANY_REQUESTS", f.send(3, "ada04@example.org", mail))
	require.Empty(t, f.send(3, "ada04@example.org", mail))
	var batch []providers.Message
	for i, to := range []string{"bob@example.org", "bob00@example.org", "bob04@example.org", "bob05@example.org"} {
		batch = append(batch, providers.Message{ID: int64(i + 4), Attempt: 1, To: to, Content: mail})
	}
	together := f.adapter.(providers.BatchSender).SendBatch(t.Context(), batch)
	require.NoError(t, together[0].Err)
	require.Equal(t, "MESSAGE_REJECTED", providers.AsError(together[1].Err).Code)
	require.Equal(t, providers.ErrorThrottled, providers.AsError(together[2].Err).Kind)
	require.NoError(t, together[3].Err)
	require.NotEqual(t, together[0].Accepted.ProviderID, together[3].Accepted.ProviderID)
}
