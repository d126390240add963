package redis

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"regexp"
)

var (
	//go:embed common.lua
	sourceCommon string
	//go:embed store.lua
	sourceOne string
	//go:embed storemany.lua
	sourceMany string

	one, many = newScript(sourceOne), newScript(sourceMany)
)

// script is what Redis executes.
type script struct {
	text string // without comments, because Redis hashes all of it
	sha1 string // its name for EVALSHA
}

var comments = regexp.MustCompile(`(?m)^\s*--.*\n|^\s+|[ \t]+-- .*$`)

func newScript(source string) script {
	text := comments.ReplaceAllString(sourceCommon+source, "")
	sum := sha1.Sum([]byte(text))
	return script{text, hex.EncodeToString(sum[:])}
}
