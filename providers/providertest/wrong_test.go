package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"carillon/providers"
)

func mutants() []wrong {
	lists := [][]wrong{wrongIDs(), wrongCallbacks(), wrongBatches(), wrongTokens(), wrongSends(), wrongSecrets()}
	return slices.Concat(lists...)
}

func wrongIDs() []wrong {
	return []wrong{
		{"loses the provider's id", "ProviderIDs", "promises the provider's id", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.ProviderID = "" })
		}},
		{"answers every message with one id", "ProviderIDs", "has an id of its own", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.ProviderID = "request-1" })
		}},
		{"makes an id that can't be kept", "ProviderIDs", "at most MaxProviderID bytes", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.ProviderID += strings.Repeat("x", providers.MaxProviderID) })
		}},
		{"makes an id with spaces", "ProviderIDs", "printable ASCII without spaces", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.ProviderID = "id " + a.ProviderID })
		}},
		{"changes the id on its way out", "Receipts", "names the id that Send returned", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.ProviderID = strings.ToLower(a.ProviderID) })
		}},
		{"takes an answer that it can't read for a refusal", "IDUnreadable", "in_doubt", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.Kind = providers.ErrorTemporary })
		}},
	}
}

func wrongCallbacks() []wrong {
	return []wrong{
		{"changes the id of a receipt", "Receipts", "names the id that Send returned", func(m *mutant) {
			m.reported(func(r *providers.Receipt) { r.ProviderID = strings.TrimRight(r.ProviderID, "A") })
		}},
		{"loses the id of a receipt", "Receipts", "must be the provider's", func(m *mutant) {
			m.reported(func(r *providers.Receipt) { r.ProviderID = "" })
		}},
		{"guesses our id", "Receipts", "does not speak of", func(m *mutant) {
			m.reported(func(r *providers.Receipt) { r.MessageID = 7 })
		}},
		{"says delivered of a failure", "Receipts", "failed", func(m *mutant) {
			m.reported(func(r *providers.Receipt) { r.Status = providers.ReceiptDelivered })
		}},
		{"does not say why", "Receipts", "a failure says why", func(m *mutant) {
			m.reported(func(r *providers.Receipt) { r.Code, r.Detail = "", "" })
		}},
		{"believes anybody", "Receipts", "nothing shows whose it is", func(m *mutant) {
			m.callback = func(_ http.Header, body []byte) ([]providers.Receipt, error) {
				return m.cloud.ParseCallback(http.Header{"X-Signature": {signature(messengerHook, body)}}, body)
			}
		}},
		{"does not look at the body", "Receipts", "the body was changed", func(m *mutant) {
			m.callback = func(header http.Header, body []byte) ([]providers.Receipt, error) {
				cut := []byte(strings.TrimRight(string(body), " "))
				return m.cloud.ParseCallback(header, cut)
			}
		}},
		{"answers whoever asks", "Challenge", "nothing shows whose it is", func(m *mutant) {
			m.challenge = func(query url.Values) (string, error) { return query.Get("say"), nil }
		}},
		{"looks at the beginning of what shows whose a question is", "Challenge", "was guessed", func(m *mutant) {
			m.challenge = func(query url.Values) (string, error) {
				if !strings.HasPrefix(query.Get("token"), messengerHook) {
					return m.cloud.Challenge(query)
				}
				return query.Get("say"), nil
			}
		}},
		{"does not answer what it is asked", "Challenge", "the question is answered", func(m *mutant) {
			m.challenge = func(query url.Values) (string, error) {
				_, err := m.cloud.Challenge(query)
				return "", err
			}
		}},
		{"takes a reply for a receipt", "Replies", "read for receipts", func(m *mutant) {
			m.callback = func(header http.Header, body []byte) ([]providers.Receipt, error) {
				receipts, err := m.cloud.ParseCallback(header, body)
				if err == nil && len(receipts) == 0 {
					err = &providers.Error{Kind: providers.ErrorContent, Err: errors.New("no statuses")}
				}
				return receipts, err
			}
		}},
		{"calls a reply by a new id each time", "Replies", "what comes again has the same id", func(m *mutant) {
			var n atomic.Int64
			m.told(func(r *providers.Reply) { r.ID = strconv.FormatInt(n.Add(1), 10) })
		}},
		{"calls a reply by what it says", "Replies", "says it twice", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.ID = strconv.Itoa(len(r.From + r.Text)) })
		}},
		{"leaves the sender as the provider writes it", "Replies", "one whom the channel could write to", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.From = strings.TrimPrefix(r.From, "+") })
		}},
		{"does not say when they wrote", "ReplyWindow", "it begins when they wrote", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.At = time.Time{} })
		}},
		{"takes what they wrote for a setting", "ReplyWindow", "who writes begins a window", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.Setting = true })
		}},
		{"does not tell who has not written from others", "Refusals/131047", "they have not written lately", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.WindowClosed = false })
		}},
		{"says of whoever is refused that they have not written", "Refusals/131026", "they have not written lately", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.WindowClosed = true })
		}},
		{"cuts a reply", "Replies", "STOP", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.Text, _, _ = strings.Cut(r.Text, "\n") })
		}},
		{"calls a button's answer a text", "Replies", "in which way they replied", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.Parts.Button = nil })
		}},
		{"calls a row of a list a button", "Replies", "in which way they replied", func(m *mutant) {
			m.told(func(r *providers.Reply) { r.Parts.Button, r.Parts.Choice = r.Parts.Choice, nil })
		}},
		{"forgets which button it was", "Replies", "what they pressed, chose or sent", func(m *mutant) {
			m.told(func(r *providers.Reply) {
				if r.Parts.Button != nil {
					r.Parts.Button.ID = ""
				}
			})
		}},
		{"calls every file an image", "Replies", "what they pressed, chose or sent", func(m *mutant) {
			m.told(func(r *providers.Reply) {
				if r.Parts.Media != nil {
					r.Parts.Media.Type = providers.Image
				}
			})
		}},
		{"has other words for what was pressed", "Replies", "what was pressed is the answer", func(m *mutant) {
			m.told(func(r *providers.Reply) {
				if r.Parts.Button != nil {
					r.Text = "[button]"
				}
			})
		}},
	}
}

func wrongBatches() []wrong {
	return []wrong{
		{"drops an item", "Batch/All", "every message goes, once", func(m *mutant) {
			m.batch = func(ctx context.Context, messages []providers.Message) []providers.Result {
				results := m.cloud.SendBatch(ctx, messages[:len(messages)-1])
				return append(results, providers.Result{Accepted: providers.Accepted{ProviderID: "made-up", Response: "accepted"}})
			}
		}},
		{"returns too few results", "Batch/All", "a result for each message", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result { return r[1:] })
		}},
		{"returns the first id for all", "Batch/All", "not contain", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result {
				for i := range r {
					r[i].Accepted = r[0].Accepted
				}
				return r
			})
		}},
		{"mixes up the results", "Batch/All", "names the id that Send returned", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result { slices.Reverse(r); return r })
		}},
		{"sends one by one", "Batch/All", "in one request", func(m *mutant) {
			m.batch = func(ctx context.Context, messages []providers.Message) []providers.Result {
				var results []providers.Result
				for _, message := range messages {
					results = append(results, m.cloud.SendBatch(ctx, []providers.Message{message})...)
				}
				return results
			}
		}},
		{"has one refusal befall all", "Batch/One/131026", "message 0 went", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result {
				if i := slices.IndexFunc(r, func(r providers.Result) bool { return r.Err != nil }); i >= 0 {
					return slices.Repeat([]providers.Result{r[i]}, len(r))
				}
				return r
			})
		}},
		{"overlooks a refusal", "Batch/One/132000", "An error is expected", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result {
				for i := range r {
					r[i].Err = nil
				}
				return r
			})
		}},
		{"tells one of what befell all", "Batch/Whole/429", "An error is expected", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result {
				return append(r[:1], make([]providers.Result, len(r)-1)...)
			})
		}},
		{"sends what was withdrawn", "Batch/Withdrawn", "withdrawn", func(m *mutant) {
			m.batch = func(ctx context.Context, messages []providers.Message) []providers.Result {
				all := slices.Clone(messages)
				for i := range all {
					all[i].Begin = nil
				}
				return m.cloud.SendBatch(ctx, all)
			}
		}},
		{"withdraws all with one", "Batch/Withdrawn", "withdrawn", func(m *mutant) {
			m.batch = func(ctx context.Context, messages []providers.Message) []providers.Result {
				results := make([]providers.Result, len(messages))
				for _, message := range messages {
					if err := message.MayBegin(); err != nil {
						for i := range results {
							results[i].Err = err
						}
						return results
					}
				}
				return m.cloud.SendBatch(ctx, messages)
			}
		}},
		{"takes silence for a refusal", "Batch/NoAnswer", "in_doubt", func(m *mutant) {
			m.settled(func(r []providers.Result) []providers.Result {
				for i := range r {
					if r[i].Err != nil {
						r[i].Err = &providers.Error{Kind: providers.ErrorTemporary, Err: r[i].Err}
					}
				}
				return r
			})
		}},
	}
}

func wrongTokens() []wrong {
	return []wrong{
		{"reports an expired token as a matter of the channel", "Tokens/OneForAll", "no reason to stop the channel", func(m *mutant) {
			right := m.tokens
			m.bought(func(ctx context.Context, stale string) (string, error) {
				if stale != "" {
					return "", &providers.Error{Kind: providers.ErrorAuth, Code: "401", Err: errors.New("the token is refused")}
				}
				return right.get(ctx, "")
			})
		}},
		{"buys a token for each message", "Tokens/OneForAll", "one token is bought for all", func(m *mutant) {
			m.bought(func(ctx context.Context, _ string) (string, error) { return m.buy(ctx) })
		}},
		{"buys a token for each message once it has one", "Tokens/OneForAll", "kept as long as it is good", func(m *mutant) {
			right, first := m.tokens, atomic.Int64{}
			m.bought(func(ctx context.Context, stale string) (string, error) {
				if first.Add(1) > concurrency {
					return m.buy(ctx)
				}
				return right.get(ctx, stale)
			})
		}},
		{"never has enough of tokens", "Tokens/NeverGood", "not worth another one", func(m *mutant) {
			m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
				for range 3 {
					if _, err := m.buy(ctx); err != nil {
						return providers.Accepted{}, err
					}
				}
				return m.cloud.Send(ctx, message)
			}
		}},
		{"does not say that its sender has left", "Tokens/CancelledMeanwhile", "context canceled", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.Err = errors.New("no token") })
		}},
		{"buys a token for as long as who asked stays", "Tokens/CancelledMeanwhile", "who waited with it goes on", func(m *mutant) {
			var waiters atomic.Int64
			failed := make(chan error, 1)
			m.bought(func(ctx context.Context, _ string) (string, error) {
				if waiters.Add(1) > 1 {
					return "", <-failed
				}
				token, err := m.buy(ctx)
				failed <- err
				return token, err
			})
		}},
		{"calls a refused secret a passing trouble", "Tokens/Refused", "temporary", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.Kind = providers.ErrorTemporary })
		}},
		{"takes a desk that is down for a refusal", "Tokens/DeskDown", "auth", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.Kind = providers.ErrorAuth })
		}},
		{"remembers for ever that it got no token", "Tokens/DeskDown", "503", func(m *mutant) {
			right, failed := m.tokens, error(nil)
			m.bought(func(ctx context.Context, stale string) (string, error) {
				if failed != nil {
					return "", failed
				}
				token, err := right.get(ctx, stale)
				failed = err
				return token, err
			})
		}},
	}
}

func wrongSends() []wrong {
	return []wrong{
		{"writes to somebody else", "Success", "the message id travels", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.To = Address(providers.WhatsApp, 1) })
		}},
		{"reads an address as a number", "EveryAddress", "one message for", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				if n, err := strconv.ParseFloat(message.To, 64); err == nil && !strings.HasPrefix(message.To, "+") {
					message.To = strconv.FormatFloat(n, 'g', -1, 64)
				}
			})
		}},
		{"cuts a text", "TextBound", "text arrived changed", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				message.Content.Text = message.Content.Text[:min(messengerBound, len(message.Content.Text))]
			})
		}},
		{"sends a link for a file", "Media", "arrives as one", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				message.Content.Text, message.Content.Attachment = message.Content.Attachment.URL, nil
			})
		}},
		{"loses a caption", "Media", "Zoë", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				bare := *message.Content.Attachment
				bare.Caption = ""
				message.Content.Attachment = &bare
			})
		}},
		{"loses a button", "Buttons", "arrive as such", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Content.Buttons = message.Content.Buttons[1:] })
		}},
		{"moves a place", "Location", "arrives as one", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				moved := *message.Content.Location
				moved.Latitude = -moved.Latitude
				message.Content.Location = &moved
			})
		}},
		{"loses a card", "Cards", "arrive as such", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Content.Cards = message.Content.Cards[1:] })
		}},
		{"writes an approved template out", "Kept", "an approved template arrives as such", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Content.Kept = nil })
		}},
		{"loses a value of an approved template", "Kept", "an approved template arrives as such", func(m *mutant) {
			m.handed(func(message *providers.Message) {
				if kept := *message.Content.Kept; len(kept.Body) > 0 {
					kept.Body = kept.Body[1:]
					message.Content.Kept = &kept
				}
			})
		}},
		{"loses the header of an approved template", "Kept", "the file of its header", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Content.Attachment = nil })
		}},
		{"tries again by itself", "NoAnswer/Accepted", "never retries", func(m *mutant) {
			m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
				a, err := m.cloud.Send(ctx, message)
				if err != nil {
					a, err = m.cloud.Send(ctx, message)
				}
				return a, err
			}
		}},
		{"never says when a message could be delivered", "BeginAndCommit", "commit", func(m *mutant) {
			m.handed(func(message *providers.Message) { message.Commit = nil })
		}},
		{"knows one kind of refusal", "Refusals/131056", "recipient_busy", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.Kind = providers.ErrorContent })
		}},
		{"does not hear how long to wait", "Refusals/429", "7s", func(m *mutant) {
			m.failed(func(e *providers.Error) { e.RetryAfter = 0 })
		}},
		{"leaves a goroutine behind", "Success", "found unexpected goroutines", func(m *mutant) {
			m.send = func(ctx context.Context, message providers.Message) (providers.Accepted, error) {
				go func() { <-m.stop }()
				return m.cloud.Send(ctx, message)
			}
		}},
		{"tries a configuration by sending", "Check", "sends nothing", func(m *mutant) {
			m.check = func(ctx context.Context) error {
				_, err := m.cloud.Send(ctx, Message(providers.WhatsApp, 1))
				return err
			}
		}},
		{"reads one page of templates", "Templates", "elements differ", func(m *mutant) {
			m.templates = func(ctx context.Context) ([]providers.Template, error) {
				all, err := m.cloud.SyncTemplates(ctx)
				return all[:min(2, len(all))], err
			}
		}},
		{"loses why a template can't be used", "Templates", "elements differ", func(m *mutant) {
			m.templates = func(ctx context.Context) ([]providers.Template, error) {
				all, err := m.cloud.SyncTemplates(ctx)
				for i := range all {
					all[i].Reason = ""
				}
				return all, err
			}
		}},
		{"takes every template for approved", "Templates", "elements differ", func(m *mutant) {
			m.templates = func(ctx context.Context) ([]providers.Template, error) {
				all, err := m.cloud.SyncTemplates(ctx)
				for i := range all {
					all[i].Status = providers.TemplateApproved
				}
				return all, err
			}
		}},
		{"takes nobody's list of templates for an empty one", "Templates", "An error is expected", func(m *mutant) {
			m.templates = func(ctx context.Context) ([]providers.Template, error) {
				all, err := m.cloud.SyncTemplates(ctx)
				if ctx.Err() == nil {
					err = nil
				}
				return all, err
			}
		}},
	}
}

func wrongSecrets() []wrong {
	return []wrong{
		{"quotes whatever it is told", "SecretsNowhere", "should not contain", func(m *mutant) {
			m.quote = func(raw []byte, _ string) string { return string(raw) }
		}},
		{"names its token in an error", "SecretsNowhere", "should not contain", func(m *mutant) {
			right := m.quote
			m.quote = func(raw []byte, token string) string { return fmt.Sprintf("%s (with %s)", right(raw, token), token) }
		}},
		{"names the address that it asked", "SecretsNowhere", "should not contain", func(m *mutant) {
			m.failed(func(e *providers.Error) {
				e.Err = fmt.Errorf("post %s/bot%s: %w", m.config.URL, m.config.Secret.Reveal(), e.Err)
			})
		}},
		{"keeps its secret where it is printed", "SecretsNowhere", "should not contain", func(m *mutant) {
			m.Shown = m.config.Secret.Reveal()
		}},
		{"says a secret in its answer", "SecretsNowhere", "should not contain", func(m *mutant) {
			m.accepted(func(a *providers.Accepted) { a.Response = "accepted with " + FirstToken })
		}},
	}
}
