package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// policy lets the page run only what this server serves (CSP Level 3). Log lines stay text, whatever they contain.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// secured sets the headers that restrict what a browser does with the page.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

// bodiless refuses a request with a body. net/http waits for the body before it answers, and until the body
// is read it does not notice that the client is gone. A client that announces a body and does not send it
// would thus hold its connection forever.
func bodiless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")                     // the answer does not wait for the body,
		http.NewResponseController(w).SetReadDeadline(time.Now()) //nolint:errcheck // and neither does the end
		onlyGet(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "requests with a body are refused: there is nothing to send here", http.StatusBadRequest)
		})).ServeHTTP(w, r)
	})
}

// prompt ends a connection whose client does not read its answer. It also replaces what an earlier answer has left.
func (s *Server) prompt(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.stall)) //nolint:errcheck // there is none then
		next.ServeHTTP(w, r)
	})
}

func onlyGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET: there is nothing to change here", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// known lets only those requests through that address this host by one of its names. Otherwise any web site
// could point its own name to this address and read the stream through the browser of somebody who may (DNS
// rebinding). With a token there is no need for it.
func (s *Server) known(next http.Handler) http.Handler {
	own, err := os.Hostname()
	if err != nil {
		own = "localhost"
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		_, err := netip.ParseAddr(host)
		switch {
		case s.tokens(), ok && address.Network() == "unix", err == nil,
			strings.EqualFold(host, "localhost"), strings.EqualFold(host, own),
			slices.ContainsFunc(s.cfg.Hosts, func(name string) bool { return strings.EqualFold(name, host) }):
			next.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("%q is not known as a name of this host: start zmqtap with --http-host and that name, "+
				"or with --http-tokens or --http-token-file", host), http.StatusForbidden)
		}
	})
}

// hostOf returns a Host header's name or address, without the port, the brackets and the dot that may end a name.
func hostOf(header string) string {
	host, _, err := net.SplitHostPort(header)
	if err != nil {
		host = strings.Trim(header, "[]")
	}
	return strings.TrimSuffix(host, ".")
}

// guard admits only those requests that may read the stream, and tells next whose they are.
func (s *Server) guard(next func(http.ResponseWriter, *http.Request, *tenant.Tenant)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.crossOrigin(w, r) && r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		who := s.identify(w, r)
		if who == nil {
			return
		}
		onlyGet(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next(w, r, who) })).ServeHTTP(w, r)
	})
}

// crossOrigin sets the headers that let another origin's page read the answer (WHATWG Fetch, CORS), and
// reports whether it may.
func (s *Server) crossOrigin(w http.ResponseWriter, r *http.Request) bool {
	if len(s.cfg.Origins) == 0 {
		return false
	}
	h, origin := w.Header(), r.Header.Get("Origin")
	h.Add("Vary", "Origin")
	switch {
	case origin == "":
		return false
	case slices.Contains(s.cfg.Origins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(s.cfg.Origins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
	default:
		return false
	}
	h.Set("Access-Control-Allow-Headers", "Authorization, Last-Event-ID, Cache-Control")
	h.Set("Access-Control-Allow-Methods", "GET, HEAD")
	h.Set("Access-Control-Max-Age", "600")
	return true
}
