package zcert

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Suffix is what the file with the secret key has in addition to the name of the public one.
const Suffix = "_secret"

// LoadSecret reads a certificate with its secret key. path is PATH or PATH_secret: as czmq's zcert_load it looks for
// PATH_secret first. A file that others can read or write is refused.
func LoadSecret(path string) (*Certificate, error) {
	secret := path + Suffix
	c, mode, err := load(secret)
	if errors.Is(err, fs.ErrNotExist) {
		c, mode, err = load(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w, and no %s either", err, secret)
		}
		if secret = path; err == nil && c.Pair == nil && !strings.HasSuffix(path, Suffix) {
			return nil, fmt.Errorf("%s has only the public key, and the file with the secret one, %s, is missing: "+
				"copy it from where the certificate was made", path, path+Suffix)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case c.Pair == nil:
		return nil, fmt.Errorf("%s: there is no secret-key in it; are the public file and the secret one swapped?", secret)
	}
	return c, private(secret, mode)
}

// LoadPublic reads a certificate of which the public key is needed. It may hold the secret one, too: then Pair is set,
// whoever can read the file.
func LoadPublic(path string) (*Certificate, error) {
	c, _, err := load(path)
	return c, err
}

// load reads and parses a certificate's file, and returns its mode.
func load(path string) (*Certificate, fs.FileMode, error) {
	data, mode, err := read(path, MaxSize)
	if err != nil {
		return nil, 0, err
	}
	c, err := Parse(data)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	return c, mode, nil
}

// ReadPrivate reads a file of at most limit bytes with something secret in it. One that others can read or write is
// refused.
func ReadPrivate(path string, limit int) ([]byte, error) {
	data, mode, err := read(path, limit)
	if err != nil {
		return nil, err
	}
	return data, private(path, mode)
}

// private returns an error if others than its owner can read or write a file. Where systemd has put a service's
// credentials, an access list lets the service's user read them, which the mode shows as the group's right
// (systemd.exec(5), LoadCredential=): those are for this service alone whatever their mode.
func private(path string, mode fs.FileMode) error {
	if mode.Perm()&0o066 == 0 || mode.Perm()&0o026 == 0 && filepath.Dir(path) == os.Getenv("CREDENTIALS_DIRECTORY") {
		return nil
	}
	return fmt.Errorf("%s has mode %04o, so that others than its owner can read or change a secret: chmod 600 %s",
		path, mode.Perm(), Quote(path))
}

// read reads a file of at most limit bytes. What is no file, such as a pipe, is not waited for.
func read(path string, limit int) ([]byte, fs.FileMode, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, explain(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case info.IsDir():
		return nil, 0, fmt.Errorf("%s is a folder, and not a file", path)
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s is no regular file", path)
	case info.Size() > int64(limit):
		return nil, 0, fmt.Errorf("%s has %d bytes, and at most %d are read", path, info.Size(), limit)
	}
	data, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(data) > limit { // it has grown
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, info.Mode(), err
}

// explain adds to the error of a file that may not be read what to do.
func explain(path string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		uid := os.Geteuid()
		return fmt.Errorf("%w for uid %d: chown %d %s, and let it pass the folders above", err, uid, uid, Quote(path))
	}
	return err
}

// Quote returns a path as one writes it in a shell.
func Quote(path string) string {
	plain := func(r rune) bool { return nameByte(byte(min(r, 0x7f))) && r != '$' && r != '&' }
	if path != "" && strings.IndexFunc(path, func(r rune) bool { return !plain(r) }) < 0 {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
