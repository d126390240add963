package webdriver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	callPatience = 60 * time.Second // of one command
	answerLimit  = 64 << 20         // bytes; a screenshot has a few megabytes
)

// Error is a failed command, as the driver reports it.
type Error struct {
	Code    string `json:"error"` // one of the protocol's, such as "no such element"
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// send performs one command and decodes the answer's value into out, which may be nil.
func send(ctx context.Context, method, address string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, answerLimit))
	if err != nil {
		return err
	}
	return decode(resp.StatusCode, text, out)
}

// decode decodes an answer's value into out, or returns the error that the answer reports.
func decode(status int, text []byte, out any) error {
	var answer struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("status %d without JSON: %.200q", status, text)
	}
	if status != http.StatusOK {
		failure := &Error{Code: "unknown error"}
		if err := json.Unmarshal(answer.Value, failure); err != nil {
			return fmt.Errorf("status %d without an error object: %.200q", status, text)
		}
		return failure
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, out)
}

// call performs a command of the session, with a time limit of its own.
func (b *Browser) call(method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(context.Background(), callPatience)
	defer cancel()
	if err := send(ctx, method, b.address+path, in, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
