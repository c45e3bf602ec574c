package sandbox

import (
	"strconv"
	"time"

	"carillon/providers"
)

// receipt is a report of a message.
func receipt(after time.Duration, id int64, status providers.ReceiptStatus) planned[providers.Receipt] {
	return planned[providers.Receipt]{after, func(at time.Time) providers.Receipt {
		return providers.Receipt{MessageID: id, Status: status, At: at}
	}}
}

// plan is the receipts that a message gets if it is accepted.
func (p *Provider) plan(m providers.Message) []planned[providers.Receipt] {
	if p.receipts == nil {
		return nil
	}
	delay := time.Duration(p.config.ReceiptDelayMS) * time.Millisecond
	read := p.draw(m, "read", "") < p.config.ReadRate
	receipts := []planned[providers.Receipt]{receipt(delay, m.ID, providers.ReceiptDelivered)}
	if read {
		receipts = append(receipts, receipt(2*delay, m.ID, providers.ReceiptRead))
	}
	if p.config.Receipts != "chaotic" {
		return receipts
	}
	// Chaos: each is late by up to four times the delay, half of them come
	// twice, and read comes before delivered where chance or order has it so.
	for i := range receipts {
		salt := strconv.Itoa(i)
		receipts[i].after = time.Duration(float64(delay) * (1 + 4*p.draw(m, "late", salt)))
		if p.draw(m, "twice", salt) < 0.5 {
			again := receipts[i]
			again.after = time.Duration(float64(delay) * (1 + 4*p.draw(m, "late again", salt)))
			receipts = append(receipts, again)
		}
	}
	if p.draw(m, "order", "") < 0.5 {
		for i, j := 0, len(receipts)-1; i < j; i, j = i+1, j-1 {
			receipts[i], receipts[j] = receipts[j], receipts[i]
		}
	}
	return receipts
}
