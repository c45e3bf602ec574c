package providers

import "context"

// BatchSender is for providers that take several messages in one request, and answer
// each by itself. A worker calls it in Send's place for messages of a channel that may go at
// the same time, one or several.
type BatchSender interface {
	// SendBatch asks the provider to take all messages, up to Capabilities.MaxBatch,
	// once each: in one request, or in several one after the other where they are too
	// large for it. It returns what became of each, in their order. What
	// befalls the request as a whole befalls each of them. All that is said of Send
	// holds for every message: one whose Begin returns an error stays out, and the
	// others go.
	SendBatch(ctx context.Context, messages []Message) []Result
}

// Result is what became of one message of a batch.
type Result struct {
	// Accepted is the provider's word, if Err is nil.
	Accepted Accepted
	// Err is nil, what the message's Begin returned, or a *Error.
	Err error
}
