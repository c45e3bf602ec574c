package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"carillon/contacts"
	"carillon/providers"
)

func (b *bench) prepare(ctx context.Context) error {
	account, _, err := b.engine.Store.EnsureAccount(ctx, "bench")
	if err != nil {
		return err
	}
	b.account = account.ID
	provider, config := b.sink.channel()
	address, err := b.engine.Registry.Address(provider, config)
	if err != nil {
		return err
	}
	b.channel, err = b.engine.Store.CreateChannel(ctx, providers.Channel{
		AccountID: account.ID, Name: "bench", Provider: provider, Config: config, Address: address,
		Limits: providers.Limits{Concurrency: providers.Concurrency(b.s.Concurrency)}, Timezone: "UTC", Status: providers.ChannelActive,
	})
	return err
}

// importCSV takes the same people in twice: the first time everybody is new, the
// second time everybody is known.
func (b *bench) importCSV(ctx context.Context) error {
	for _, rate := range []*float64{&b.result.ImportCreated, &b.result.ImportUpdated} {
		upload, seconds, err := b.take(ctx, b.people())
		if err != nil {
			return err
		}
		b.upload = upload.ID
		*rate = float64(b.people()) / seconds
		b.say("import: %.0f rows/s (created %d, updated %d)", *rate, upload.Created, upload.Updated)
	}
	return nil
}

// take takes in a CSV of so many people, and says how many seconds that took.
func (b *bench) take(ctx context.Context, people int) (upload contacts.Upload, seconds float64, err error) {
	path := filepath.Join(b.s.Dir, "people.csv")
	if err := b.writeCSV(path, people); err != nil {
		return upload, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return upload, 0, err
	}
	start := system.Now()
	upload, err = b.engine.Importer.Take(ctx, b.account, "people.csv", file, contacts.ImportOptions{Key: contacts.ByEmail})
	_ = file.Close()
	for err == nil && upload.State != contacts.UploadFinished {
		if upload.State == contacts.UploadFailed {
			return upload, 0, errors.New("import: " + upload.Error)
		}
		if err = system.Sleep(ctx, 20*time.Millisecond); err == nil {
			upload, err = b.engine.Store.GetUpload(ctx, b.account, upload.ID)
		}
	}
	return upload, since(start), errors.Join(err, os.Remove(path))
}

// people is how many there are: two campaigns write to everybody twice.
func (b *bench) people() int {
	if b.s.Mixed {
		return (b.s.Recipients + 1) / 2
	}
	return b.s.Recipients
}

func (b *bench) writeCSV(path string, people int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	_, _ = w.WriteString("email,first_name,last_name")
	numbers := b.s.Transport == reporting
	if numbers {
		_, _ = w.WriteString(",sms")
	}
	for _, column := range b.content.Columns {
		_, _ = w.WriteString("," + column)
	}
	for i := range people {
		_, _ = fmt.Fprintf(w, "\n%s,N%d,L%d", address(i), i, i)
		if numbers {
			_, _ = fmt.Fprintf(w, ",+49151%08d", i)
		}
		for _, column := range b.content.Columns {
			_, _ = fmt.Fprintf(w, ",%q", value(column, i))
		}
	}
	_ = w.WriteByte('\n')
	return errors.Join(w.Flush(), file.Close())
}
