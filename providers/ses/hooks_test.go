package ses_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"carillon/providers"
	"carillon/providers/providertest"
	"carillon/providers/ses"
)

// hear posts to an adapter as the hooks do.
func hear(t testing.TB, p providers.Provider, body []byte) ([]providers.Receipt, error) {
	t.Helper()
	if err := p.(providers.CallbackPreparer).PrepareCallback(t.Context(), http.Header{}, body); err != nil {
		return nil, err
	}
	return p.(providers.CallbackParser).ParseCallback(http.Header{}, body)
}

// What SES reports, its documentation's samples among it, and what it means.
func TestReports(t *testing.T) {
	p, _ := open(t, config("https://example.org"), far().document)
	at := time.Date(2017, 8, 5, 0, 41, 2, 669e6, time.UTC)
	const ours = `,"mail":{"messageId":"010001","tags":{"carillon":["7-theinstallation1"]}}}`
	bounce := func(kind, of string) string {
		return fmt.Sprintf(`{"eventType":"Bounce","bounce":{"bounceType":%q,"bounceSubType":%q,"bouncedRecipients":[{"emailAddress":"recipient@example.com",
			"action":"failed","status":"5.1.1","diagnosticCode":"smtp; 550\n5.1.1 user unknown"}],"timestamp":"2017-08-05T00:41:02.669Z"}`+ours, kind, of)
	}
	bounced := func(code string, status providers.ReceiptStatus, kind providers.BounceKind) *providers.Receipt {
		return &providers.Receipt{MessageID: 7, Status: status, Bounce: kind, At: at, Code: code, Detail: "5.1.1 smtp; 550 5.1.1 user unknown"}
	}
	for text, want := range map[string]*providers.Receipt{
		`{"eventType":"Delivery","delivery":{"timestamp":"2017-08-05T02:41:02.669+02:00"}` + ours:       {MessageID: 7, Status: providers.ReceiptDelivered, At: at},
		`{"notificationType":"Delivery","mail":{"messageId":"010001"},"delivery":{"timestamp":"soon"}}`: {ProviderID: "010001", Status: providers.ReceiptDelivered},
		bounce("Permanent", "General"):                  bounced("Permanent/General", providers.ReceiptRejected, providers.BounceHard),
		bounce("Permanent", "NoEmail"):                  bounced("Permanent/NoEmail", providers.ReceiptRejected, providers.BounceHard),
		bounce("Permanent", "Suppressed"):               bounced("Permanent/Suppressed", providers.ReceiptRejected, providers.BounceHard),
		bounce("Permanent", "OnAccountSuppressionList"): bounced("Permanent/OnAccountSuppressionList", providers.ReceiptRejected, ""),
		bounce("Transient", "General"):                  bounced("Transient/General", providers.ReceiptFailed, providers.BounceSoft),
		bounce("Transient", "MailboxFull"):              bounced("Transient/MailboxFull", providers.ReceiptFailed, providers.BounceSoft),
		bounce("Transient", "ContentRejected"):          bounced("Transient/ContentRejected", providers.ReceiptFailed, ""),
		bounce("Undetermined", "Undetermined"):          bounced("Undetermined/Undetermined", providers.ReceiptFailed, ""),
		`{"eventType":"Complaint","complaint":{"complaintFeedbackType":"abuse","timestamp":"2017-08-05T00:41:02.669Z"}` + ours: {
			MessageID: 7, Status: providers.ReceiptComplained, At: at},
		`{"eventType":"Complaint","complaint":{"complaintSubType":"OnAccountSuppressionList","timestamp":"2017-08-05T00:41:02.669Z"}` + ours: {
			MessageID: 7, Status: providers.ReceiptRejected, At: at, Code: "Complaint/OnAccountSuppressionList",
			Detail: "SES sent nothing: the address is on the account's suppression list because of a complaint"},
		`{"eventType":"Reject","reject":{"reason":"Bad content"}` + ours: {MessageID: 7, Status: providers.ReceiptFailed, Code: "Reject", Detail: "Bad content"},
		`{"eventType":"Rendering Failure","failure":{"errorMessage":"Attribute 'x' is not present","templateName":"t"}` + ours: {
			MessageID: 7, Status: providers.ReceiptFailed, Code: "RenderingFailure", Detail: "Attribute 'x' is not present"},
		`{"eventType":"Complaint","complaint":{"complaintFeedbackType":"not-spam"}` + ours: nil,
		`{"eventType":"Send","send":{}` + ours:                                             nil,
		`{"eventType":"Open"` + ours:                                                       nil,
		`{"eventType":"DeliveryDelay"` + ours:                                              nil,
		// Of another program of the same account, of another installation, and of nothing.
		`{"eventType":"Delivery","mail":{"messageId":"010001","tags":{"ses:source-ip":["1.2.3.4"]}}}`:                   nil,
		`{"eventType":"Delivery","mail":{"messageId":"010001","tags":{"carillon":["7-another"]}}}`:                      nil,
		`{"notificationType":"Delivery","mail":{"messageId":"with a space"}}`:                                           nil,
		`{"notificationType":"AmazonSnsSubscriptionSucceeded","message":"You have successfully subscribed your topic"}`: nil,
		"Successfully validated SNS topic for Amazon SES event publishing.":                                             nil,
	} {
		for version := range 2 {
			e := notify(providertest.Now, "1", text)
			e["SignatureVersion"] = fmt.Sprint(version + 1)
			if version == 0 {
				e["Subject"] = "Amazon SES Email Event Notification"
			}
			receipts, err := hear(t, p, far().sign(e))
			require.NoError(t, err, text)
			if want == nil {
				require.Empty(t, receipts, text)
				continue
			}
			require.Equal(t, []providers.Receipt{*want}, receipts, text)
		}
	}
	body := far().sign(notify(providertest.Now, "22b80b92", "{}"))
	require.Equal(t, "22b80b92", p.(providers.RequestIdentifier).RequestID(nil, body))
	require.Empty(t, p.(providers.RequestIdentifier).RequestID(nil, []byte("{}")))
}

// What is not the topic's is refused, and asks nobody but SNS.
func TestForeignMessages(t *testing.T) {
	s := newSNS()
	p, _ := open(t, config("https://example.org"), s.document)
	change := func(name, value string) envelope {
		e := maps.Clone(notify(providertest.Now, "1", "{}"))
		if e[name] = value; value == "" {
			delete(e, name)
		}
		return e
	}
	for words, e := range map[string]envelope{
		"not of the topic":       change("TopicArn", "arn:aws:sns:eu-west-1:999999999999:mail"),
		"none of SNS's":          change("Type", "Notice"),
		"no id":                  change("MessageId", ""),
		"line break":             change("MessageId", "1\nTopicArn"),
		"no time":                change("Timestamp", "today"),
		"is of 2026-11-21T06:59": change("Timestamp", "2026-11-21T06:59:59Z"),
		"is of 2026-11-21T09:05": change("Timestamp", "2026-11-21T09:05:01Z"),
		"signature":              change("SignatureVersion", "3"),
	} {
		_, err := hear(t, p, s.sign(e))
		require.ErrorContains(t, err, words)
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	}
	for _, address := range []string{
		"http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem", "https://sns.eu-west-1.amazonaws.com:444/SimpleNotificationService-01.pem",
		"https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-01.pem", "https://evil.example/sns.eu-west-1.amazonaws.com.pem",
		"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01.pem", "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-01.pem",
		"https://x@sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem", "https://sns.eu-west-1.amazonaws.com/?Action=SimpleNotificationService-01.pem",
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem?x=1", "https://sns.eu-west-1.amazonaws.com/%2e%2e/SimpleNotificationService-01.pem",
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem#x", "https://127.0.0.1/SimpleNotificationService-01.pem", "",
		"//sns.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem", "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-01.pem",
	} {
		e := notify(providertest.Now, "1", "{}")
		e["SigningCertURL"] = address
		_, err := hear(t, p, s.sign(e))
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, address)
	}
	require.Equal(t, []string{certAt}, s.asked, "for the signature of another version alone")
	// Somebody else's signature, though all else is right.
	_, err := hear(t, p, newSNS().sign(notify(providertest.Now, "1", "{}")))
	require.ErrorContains(t, err, "signature")
	_, err = hear(t, p, []byte(`{"eventType":"Delivery"}`))
	require.ErrorContains(t, err, "of the topic")
	_, err = hear(t, p, []byte("[]"))
	require.ErrorContains(t, err, "raw message delivery")
	none, _ := open(t, json.RawMessage(strings.Replace(string(config("https://example.org")), arn, "", 1)), s.document)
	_, err = hear(t, none, s.sign(notify(providertest.Now, "1", "{}")))
	require.ErrorContains(t, err, "set config.topic_arn")
}

// A subscription is confirmed at SNS alone, once its signature is right, and means no receipt.
func TestSubscription(t *testing.T) {
	s := newSNS()
	p, _ := open(t, config("https://example.org"), s.document)
	const confirm = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=" + arn + "&Token=2336412f37fb687f5d51e6e2425ba1f2"
	asks := func(address string) envelope {
		e := notify(providertest.Now, "165545c9", "You have chosen to subscribe to the topic.")
		e["Type"], e["Token"], e["SubscribeURL"] = "SubscriptionConfirmation", "2336412f37fb687f5d51e6e2425ba1f2", address
		return e
	}
	receipts, err := hear(t, p, s.sign(asks(confirm)))
	require.NoError(t, err)
	require.Empty(t, receipts)
	require.Equal(t, []string{certAt, confirm}, s.asked)
	_, err = hear(t, p, newSNS().sign(asks(confirm)))
	require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind)
	for _, address := range []string{"http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription", "https://evil.example/?Action=ConfirmSubscription", ""} {
		_, err = hear(t, p, s.sign(asks(address)))
		require.Equal(t, providers.ErrorAuth, providers.AsError(err).Kind, address)
	}
	require.Len(t, s.asked, 2)
	_, err = hear(t, p, s.sign(asks("https://sns.eu-west-1.amazonaws.com/?Action=Gone")))
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, "SNS asks again")
	farewell := asks(confirm)
	farewell["Type"] = "UnsubscribeConfirmation"
	_, err = hear(t, p, s.sign(farewell))
	require.NoError(t, err)
	require.Len(t, s.asked, 3, "who unsubscribed the channel meant it")
}

// The certificate is asked for once, by one at a time, and not for longer than it holds; addresses
// of more than a few are not asked for.
func TestCertificates(t *testing.T) {
	s := newSNS()
	p, clock := open(t, config("https://example.org"), s.document)
	body := s.sign(notify(providertest.Now, "1", "{}"))
	_, err := p.(providers.CallbackParser).ParseCallback(http.Header{}, body)
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, "nothing is known yet")
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() { _, _ = hear(t, p, body) })
	}
	group.Wait()
	require.Len(t, s.asked, 1)
	for i := range 30 {
		e := notify(providertest.Now, "1", "{}")
		e["SigningCertURL"] = fmt.Sprintf("https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-%d.pem", i)
		_, err := hear(t, p, s.sign(e))
		require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, "SNS posts it again")
	}
	require.Len(t, s.asked, 10)
	_, err = hear(t, p, body)
	require.NoError(t, err, "who is known is not kept waiting")
	clock.Advance(13 * time.Hour)
	_, err = hear(t, p, s.sign(notify(clock.Now(), "1", "{}")))
	require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind, "the certificate is over")
	require.Len(t, s.asked, 11)

	for _, wrong := range []string{"", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		p, _ := open(t, config("https://example.org"), func(context.Context, string) ([]byte, error) { return []byte(wrong), nil })
		_, err = hear(t, p, body)
		require.Equal(t, providers.ErrorTemporary, providers.AsError(err).Kind)
	}
	waiting, _ := open(t, config("https://example.org"), func(ctx context.Context, _ string) ([]byte, error) {
		<-ctx.Done()
		return nil, errors.New("nobody answers")
	})
	ctx, cancel := context.WithCancel(t.Context())
	for range 2 {
		group.Go(func() { _ = waiting.(providers.CallbackPreparer).PrepareCallback(ctx, http.Header{}, body) })
	}
	cancel()
	group.Wait()
}

// Whatever is posted, signed or not, is read or refused, and what is read is of one message.
func FuzzPosted(f *testing.F) {
	for _, seed := range []string{
		`{"eventType":"Bounce","bounce":{"bounceType":"Permanent"},"mail":{"tags":{"carillon":["7-theinstallation1"]}}}`,
		`{"Type":"Notification","TopicArn":"` + arn + `","MessageId":"1","Timestamp":"2026-11-21T09:00:00Z","SigningCertURL":"` + certAt + `","Signature":"AA=="}`,
		`{"notificationType":"Delivery","mail":{"messageId":"1"}}`, `{"eventType":"Delivery","mail":{"tags":{"carillon":null}}}`, `[]`, `{"mail":[]}`,
	} {
		f.Add([]byte(seed))
	}
	p, _ := open(f, config("https://example.org"), far().document)
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := hear(t, p, body)
		require.Error(t, err, "nobody signed it")
		receipts := ses.Receipts(p, string(body))
		if !json.Valid(body) {
			require.Empty(t, receipts)
		}
		for _, r := range receipts {
			require.True(t, r.MessageID > 0 || providers.Key(r.ProviderID))
			require.NotEmpty(t, r.Status)
		}
	})
}
