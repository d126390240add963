package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// anybody is who reads a stream that needs no token.
var anybody = &tenant.Tenant{}

// admin is the holder of the token in TokenFile.
var admin = &tenant.Tenant{Name: "admin"}

// tokens reports whether readers need a token.
func (s *Server) tokens() bool { return s.cfg.TokenFile != "" || s.cfg.Tenants != nil }

// identify returns whose the request's bearer token (RFC 6750) is. It returns nil after it has answered a request
// without a valid one. If a token is a tenant's and the administrator's, it is the tenant's: that is less.
func (s *Server) identify(w http.ResponseWriter, r *http.Request) *tenant.Tenant {
	if !s.tokens() {
		return anybody
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given = strings.TrimSpace(given)
	isAdmin, err := s.isAdmin(given)
	var who *tenant.Tenant
	if s.cfg.Tenants != nil {
		who = s.cfg.Tenants.List().Find(given)
	}
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
	case who != nil && len(given) < tenant.MinToken: // its SHA-256 is in the file
		s.unusable.Write(slog.LevelError, "a tenant's token is too short and is refused: make a longer one",
			"tenant", who.Name, "least", tenant.MinToken)
	case who != nil:
		return who
	case isAdmin:
		return admin
	}
	if err != nil {
		nobody := "nobody can read the stream"
		if s.cfg.Tenants != nil {
			nobody = "only tenants can read the stream"
		}
		s.unusable.Write(slog.LevelError, nobody+": the token file is unusable", "reason", err)
		http.Error(w, "the server cannot read its token", http.StatusInternalServerError)
		return nil
	}
	w.Header().Set("WWW-Authenticate", `Bearer realm="zmqtap"`)
	http.Error(w, "this stream needs a token: send the header Authorization: Bearer and the token", http.StatusUnauthorized)
	return nil
}

// isAdmin compares a token with TokenFile's, if there is one. The file is read each time, so that the token can be
// changed.
func (s *Server) isAdmin(given string) (bool, error) {
	if s.cfg.TokenFile == "" {
		return false, nil
	}
	token, err := readToken(s.cfg.TokenFile)
	if err != nil {
		return false, err
	}
	want, got := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1, nil
}

// checkTokens looks at the files of tokens before the first request.
func (s *Server) checkTokens() error {
	if s.cfg.TokenFile == "" {
		return nil
	}
	token, err := readToken(s.cfg.TokenFile)
	if err != nil || s.cfg.Tenants == nil {
		return err
	}
	if who := s.cfg.Tenants.List().Find(token); who != nil {
		return fmt.Errorf("the token in %s is also tenant %s's: make another", s.cfg.TokenFile, who.Name)
	}
	return nil
}

func readToken(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o002 != 0 {
		err = fmt.Errorf("every user may write to %s (mode %04o): chmod o-w %s", path, info.Mode().Perm(), path)
	}
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, tenant.MaxToken+1))
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	token := strings.TrimSpace(string(text))
	if len(text) > tenant.MaxToken || len(token) < tenant.MinToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("the token in %s: one word of %d to %d characters is wanted, such as `openssl rand -hex 32` writes",
			path, tenant.MinToken, tenant.MaxToken)
	}
	return token, nil
}
