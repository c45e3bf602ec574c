package smtp

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/emersion/go-msgauth/dkim"

	"carillon/providers"
)

// signer signs messages as their sender's domain (DKIM, RFC 6376).
type signer struct{ bulk, personal *dkim.SignOptions }

// newSigner makes the signer for a sender's domain; nil where no key of it is in use.
func newSigner(c *Config, domain string, keys []providers.SigningKey) (*signer, error) {
	key, has := providers.Signing(keys, domain)
	if !has {
		return nil, nil
	}
	private, err := key.Signer()
	if err != nil {
		return nil, fmt.Errorf("read the DKIM key %s of %s: it %w", key.Selector, domain, err)
	}
	// What people see and what decides how the message is read (RFC 6376, 5.4.1). From and
	// Subject stand twice, so that nobody can put a second one in front of them (8.15).
	fields := []string{"From", "From", "To", "Subject", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}
	if c.ReplyTo != "" {
		fields = append(fields, "Reply-To")
	}
	options := func(fields []string) *dkim.SignOptions {
		return &dkim.SignOptions{
			Domain: key.Domain, Selector: key.Selector, Signer: private, HeaderKeys: fields,
			HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		}
	}
	// Mailbox providers take an unsubscription by one click for real only where it is signed
	// (RFC 8058, 4).
	return &signer{bulk: options(slices.Concat(fields, []string{"List-Unsubscribe", "List-Unsubscribe-Post"})), personal: options(fields)}, nil
}

// sign puts the signature in front of a composed message.
func (s *signer) sign(message []byte, unsubscribes bool) ([]byte, error) {
	options := s.personal
	if unsubscribes {
		options = s.bulk
	}
	signing, err := dkim.NewSigner(options)
	if err != nil {
		return message, fmt.Errorf("sign message: %w", err)
	}
	// Close reports what went wrong with what was written, too.
	_ = writeUnstuffed(signing, message)
	if err := signing.Close(); err != nil {
		return message, fmt.Errorf("sign message: %w", err)
	}
	return slices.Insert(message, 0, []byte(signing.Signature())...), nil
}

// writeUnstuffed writes a message as its recipient gets it: without the dots that stand before
// dots at the beginning of lines, and without the one at the end (RFC 5321, 4.5.2).
func writeUnstuffed(w io.Writer, message []byte) error {
	message = bytes.TrimSuffix(message, []byte(".\r\n"))
	for len(message) > 0 {
		if message[0] == '.' {
			message = message[1:]
		}
		end := len(message)
		if i := bytes.Index(message, []byte("\n.")); i >= 0 {
			end = i + 1
		}
		if _, err := w.Write(message[:end]); err != nil {
			return err
		}
		message = message[end:]
	}
	return nil
}
