package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"carillon/access"
	"carillon/internal/fault"
	"carillon/store/sqldb"
)

// AnswersKeptFor is how long an answer is given again for its idempotency key.
const AnswersKeptFor = 24 * time.Hour

// BeginAnswer takes an idempotency key for a request, or says what is known of
// it. request is a hash of method, path and body; empty for a body that is still
// to be read, whose caller compares it with the Request of what is kept. Of
// several at once exactly one gets AnswerNew, and then calls FinishAnswer or
// AbortAnswer.
func (s *Store) BeginAnswer(ctx context.Context, accountID int64, key, request string) (access.Answer, error) {
	var answer access.Answer
	err := s.inTx(ctx, func(tx conn) error {
		answer = access.Answer{State: access.AnswerNew}
		now := s.clock.Now()
		n, err := tx.Exec(ctx, `INSERT INTO idempotency (account_id, key, request, status, created_at) VALUES (?, ?, ?, 0, ?)
			ON CONFLICT (account_id, key) DO UPDATE SET request = excluded.request, status = 0, headers = '{}', body = NULL,
				created_at = excluded.created_at
			WHERE idempotency.created_at <= ?`, accountID, key, request, sqldb.Millis(now), sqldb.Millis(now.Add(-AnswersKeptFor)))
		if err != nil || n == 1 {
			return err
		}
		var first string
		var headers []byte
		err = tx.Row(ctx, "SELECT request, status, headers, body FROM idempotency WHERE account_id = ? AND key = ?", accountID, key).
			Scan(&first, &answer.Status, &headers, &answer.Body)
		switch {
		case err != nil:
			return err
		case first != request && first != "" && request != "":
			answer = access.Answer{State: access.AnswerMismatch}
			return nil
		case answer.Status == 0:
			answer = access.Answer{State: access.AnswerRunning}
			return nil
		}
		answer.State, answer.Request = access.AnswerKept, first
		if err := json.Unmarshal(headers, &answer.Headers); err != nil {
			return fmt.Errorf("read kept headers: %w", err)
		}
		return nil
	})
	return answer, err
}

// FinishAnswer keeps the answer to the request that got AnswerNew, and its hash
// if that was not known then.
func (s *Store) FinishAnswer(ctx context.Context, accountID int64, key string, answer access.Answer) error {
	if answer.Status <= 0 {
		return fault.New(fault.Internal, "an answer to keep has a status, got %d", answer.Status)
	}
	headers, err := json.Marshal(answer.Headers)
	if err != nil {
		return fmt.Errorf("encode headers to keep: %w", err)
	}
	return s.inTx(ctx, func(tx conn) error {
		n, err := tx.Exec(ctx, "UPDATE idempotency SET status = ?, headers = ?, body = ?, request = CASE WHEN request = '' THEN ? ELSE request END "+
			"WHERE account_id = ? AND key = ? AND status = 0",
			answer.Status, string(headers), answer.Body, answer.Request, accountID, key)
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "no request is running under this idempotency key")
		}
		return err
	})
}

// AbortAnswer gives the key back: the request changed nothing and may be made
// again.
func (s *Store) AbortAnswer(ctx context.Context, accountID int64, key string) error {
	return s.inTx(ctx, func(tx conn) error {
		_, err := tx.Exec(ctx, "DELETE FROM idempotency WHERE account_id = ? AND key = ? AND status = 0", accountID, key)
		return err
	})
}

// DeleteOldAnswers forgets at most limit answers older than AnswersKeptFor and
// returns how many there were; call it again while it returns limit.
func (s *Store) DeleteOldAnswers(ctx context.Context, limit int) (deleted int64, err error) {
	err = s.inTx(ctx, func(tx conn) error {
		var err error
		deleted, err = tx.Exec(ctx, `DELETE FROM idempotency WHERE (account_id, key) IN
			(SELECT account_id, key FROM idempotency WHERE created_at <= ? ORDER BY created_at LIMIT ?)`,
			sqldb.Millis(s.clock.Now().Add(-AnswersKeptFor)), limit)
		return err
	})
	return deleted, err
}
