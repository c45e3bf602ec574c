package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"
)

// sinkProcess is a sink in a process of its own, so that what it costs is not
// taken for Carillon's.
type sinkProcess struct {
	Address
	child   *exec.Cmd
	input   io.WriteCloser
	encoder *json.Encoder
	gone    chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	n       int64
	waiting map[int64]chan sinkReply
}

// startSink starts the sink of a scenario. Close ends it.
func startSink(ctx context.Context, s Scenario, progress io.Writer) (*sinkProcess, error) {
	child, err := childOf(ctx, "sink", s, progress)
	if err != nil {
		return nil, err
	}
	p := &sinkProcess{child: child, gone: make(chan struct{}), waiting: map[int64]chan sinkReply{}}
	if p.input, err = child.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.encoder = json.NewEncoder(p.input)
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	decoder := json.NewDecoder(output)
	var hello sinkReply
	err = decoder.Decode(&hello)
	p.Address = hello.Address
	go p.read(decoder)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the sink: %w", err), p.Close())
	}
	return p, nil
}

// read hands replies out until the process ends.
func (p *sinkProcess) read(decoder *json.Decoder) {
	defer close(p.gone)
	for {
		var reply sinkReply
		if decoder.Decode(&reply) != nil {
			return
		}
		p.mu.Lock()
		ch := p.waiting[reply.N]
		delete(p.waiting, reply.N)
		p.mu.Unlock()
		if ch != nil {
			ch <- reply
		}
	}
}

// Close ends the process.
func (p *sinkProcess) Close() error {
	err := p.input.Close()
	<-p.gone
	return errors.Join(err, p.child.Wait())
}

// Pid is the process's id.
func (p *sinkProcess) Pid() int { return p.child.Process.Pid }

func (p *sinkProcess) ask(q sinkRequest) (<-chan sinkReply, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	ch := make(chan sinkReply, 1)
	p.waiting[p.n], q.N = ch, p.n
	return ch, p.encoder.Encode(q)
}

var errSinkGone = errors.New("the sink's process has ended")

func (p *sinkProcess) receive(ctx context.Context, ch <-chan sinkReply) (sinkReply, error) {
	select {
	case reply := <-ch:
		return reply, nil
	case <-p.gone:
		return sinkReply{}, errSinkGone
	case <-ctx.Done():
		return sinkReply{}, ctx.Err()
	}
}

// tally is what the sink has counted so far.
func (p *sinkProcess) tally(ctx context.Context) (sinkReply, error) {
	return p.tell(ctx, sinkRequest{Op: "count"})
}

// report has a reporter post receipts to an address from now on; empty holds them back.
func (p *sinkProcess) report(ctx context.Context, hook string) (sinkReply, error) {
	return p.tell(ctx, sinkRequest{Op: "report", Hook: hook})
}

// posted waits until a reporter has posted every receipt.
func (p *sinkProcess) posted(ctx context.Context) (reported, error) {
	reply, err := p.tell(ctx, sinkRequest{Op: "posted"})
	return reply.Reported, err
}

// tell asks, and waits for the reply.
func (p *sinkProcess) tell(ctx context.Context, q sinkRequest) (sinkReply, error) {
	ch, err := p.ask(q)
	if err != nil {
		return sinkReply{}, err
	}
	return p.receive(ctx, ch)
}

// expect asks for the arrival of a message, or with 0 of whichever comes next.
// The result waits for it.
func (p *sinkProcess) expect(id int64) (wait func(context.Context) (time.Time, error), err error) {
	ch, err := p.ask(sinkRequest{Op: "wait", ID: id})
	if err != nil {
		return nil, err
	}
	if id == 0 {
		// What is asked in turn is answered in turn: from here on the sink looks out.
		if _, err := p.tally(context.Background()); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) (time.Time, error) {
		reply, err := p.receive(ctx, ch)
		return time.Unix(0, reply.At), err
	}, nil
}
