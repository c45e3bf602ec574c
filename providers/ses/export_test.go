package ses

import (
	"context"

	"carillon/providers"
)

// Ask has an adapter ask somebody else in place of SNS, who is at an address that no test can be at.
func Ask(p providers.Provider, document func(ctx context.Context, address string) ([]byte, error)) {
	t := p.(*Provider).topic
	t.documents.Close()
	t.documents = asked(document)
}

type asked func(ctx context.Context, address string) ([]byte, error)

func (a asked) Document(ctx context.Context, address string, _ int) ([]byte, error) {
	return a(ctx, address)
}

func (asked) Close() {}

// Receipts are what an adapter makes of a message of its topic's, whose signature is right.
func Receipts(p providers.Provider, text string) []providers.Receipt {
	return p.(*Provider).receipts(text)
}
