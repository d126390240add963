// Package page holds the page that shows a log stream to people: HTML, CSS and ES modules, served as they are.
//
// The page requests nothing from any other host, and works under
//
//	default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self';
//	base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'
//
// It reads the stream from "stream", relative to its own address, so that a proxy may serve both under any path.
package page

import "embed"

// Files holds the page's files in one folder. index.html is the page itself.
//
//go:embed index.html *.css favicon.svg *.js
var Files embed.FS
