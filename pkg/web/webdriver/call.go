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
	answerLimit  = 64 << 20         // bytes; a screenshot has some megabytes
)

// Error is what the other end reports of a failed command.
type Error struct {
	Code    string `json:"error"` // one of the protocol's, such as "no such element"
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// send performs one command. out may be nil; otherwise the answer's value is decoded into it.
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

// decode takes the value out of an answer.
func decode(status int, text []byte, out any) error {
	var answer struct{ Value json.RawMessage }
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("status %d, and no JSON: %.200q", status, text)
	}
	if status != http.StatusOK {
		failure := &Error{Code: "unknown error"}
		if err := json.Unmarshal(answer.Value, failure); err != nil {
			return fmt.Errorf("status %d, and no error object: %.200q", status, text)
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
