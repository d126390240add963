package zcert

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLoadSecret(t *testing.T) {
	folder := t.TempDir()
	in := func(name, text string, mode os.FileMode) string {
		write(t, filepath.Join(folder, name), text, mode)
		return filepath.Join(folder, name)
	}
	in("a", asPublic, 0o644)
	in("a"+Suffix, asBoth, 0o600)
	in("both", asBoth, 0o400)
	in("public", asPublic, 0o644)
	in("open", asPublic, 0o644)
	in("open"+Suffix, asBoth, 0o640)
	in("writable", asBoth, 0o602)
	in("it's open", asBoth, 0o604)
	in("empty", asPublic, 0o644)
	in("empty"+Suffix, asPublic, 0o600)
	in("broken", asPublic, 0o644)
	in("broken"+Suffix, asPublic+"    secret-key = '"+another+"'\n", 0o600)
	in("long", strings.Repeat("#\n", MaxSize/2)+asBoth, 0o600)
	if err := unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "", "a" + Suffix: "", "both": "",
		"public":         "FOLDER/public has only the public key, and the file with the secret one, FOLDER/public_secret, is missing",
		"open":           "FOLDER/open_secret has mode 0640, so that others than its owner can read or change a secret: chmod 600 FOLDER/open_secret",
		"open" + Suffix:  "chmod 600 FOLDER/open_secret",
		"writable":       "chmod 600 FOLDER/writable",
		"it's open":      `chmod 600 'FOLDER/it'\''s open'`,
		"empty":          "FOLDER/empty_secret: there is no secret-key in it; are the public file and the secret one swapped?",
		"empty" + Suffix: "FOLDER/empty_secret: there is no secret-key in it",
		"broken":         "FOLDER/broken_secret: line 3: secret-key: it does not belong",
		"none":           "open FOLDER/none: no such file or directory, and no FOLDER/none_secret either",
		"":               "FOLDER/ is a folder, and not a file",
		"pipe":           "FOLDER/pipe is no regular file",
		"long":           "FOLDER/long has 65662 bytes, and at most 65536 are read",
	} {
		c, err := LoadSecret(folder + "/" + name)
		want = strings.ReplaceAll(want, "FOLDER", folder)
		if want == "" && (err != nil || c.Pair.SecretText() != secret) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v; want %q", name, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), another)) {
			t.Errorf("the error repeats a secret key: %v", err)
		}
	}
}

// Of what is in systemd's folder of credentials, the service's user is not always the owner.
func TestCredential(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", folder)
	for name, mode := range map[string]os.FileMode{"mine": 0o440, "written": 0o460, "open": 0o444, "below/mine": 0o440} {
		mustDo(t, os.MkdirAll(filepath.Join(folder, "below"), 0o755))
		write(t, filepath.Join(folder, name), asBoth, mode)
		if _, err := LoadSecret(filepath.Join(folder, name)); (err == nil) != (name == "mine") {
			t.Errorf("%s with mode %04o: %v", name, mode, err)
		}
	}
}

// A public key may be read from a file that holds the secret one, too, whoever can read it.
func TestLoadPublic(t *testing.T) {
	for name, both := range map[string]bool{"client": false, "client" + Suffix: true} {
		c, err := LoadPublic(copied(t, name, 0o644))
		if err != nil || c.Public.String() != public || (c.Pair != nil) != both || c.Name() != "web1.example.org" {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	for name, want := range map[string]string{
		"quotes": "quotes: line 8: there is something after the closing quote",
		"zeros":  "zeros: line 10: public-key: a key that protects nothing",
	} {
		for _, name := range []string{name, name + Suffix} {
			if c, err := LoadPublic(copied(t, name, 0o600)); err == nil || !(strings.Contains(err.Error(), want) || strings.HasSuffix(name, Suffix)) {
				t.Errorf("%s: %v, %v", name, c, err)
			}
		}
	}
}

// Nobody but root reads the file of another user.
func TestExplain(t *testing.T) {
	err := explain("/a b", &os.PathError{Op: "open", Path: "/a b", Err: unix.EACCES})
	if !strings.Contains(err.Error(), "open /a b: permission denied for uid ") || !strings.Contains(err.Error(), " '/a b'") {
		t.Error(err)
	}
}

func newCertificate(t *testing.T, name string) *Certificate {
	t.Helper()
	c, err := New(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// wantFiles checks which files are in a folder.
func wantFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%q are there, want %q", got, want)
	}
}

// The modes do not depend on the umask, and nothing is overwritten, not even by one of several at once.
func TestSave(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o277} {
		folder := t.TempDir()
		before := unix.Umask(umask)
		err := newCertificate(t, "web1").Save(folder+"/a", "a test")
		unix.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for name, mode := range map[string]os.FileMode{"a": 0o644, "a" + Suffix: 0o600} {
			if info, err := os.Stat(folder + "/" + name); err != nil || info.Mode() != mode {
				t.Errorf("umask %03o: %s: %v, %v", umask, name, info.Mode(), err)
			}
		}
		wantFiles(t, folder, "a", "a"+Suffix)
	}
}

func TestSaveOverwritesNothing(t *testing.T) {
	folder := t.TempDir()
	var saving sync.WaitGroup
	errs := make([]error, 8)
	certificates := make([]*Certificate, len(errs))
	for i := range errs {
		certificates[i] = newCertificate(t, "")
		saving.Go(func() { errs[i] = certificates[i].Save(folder+"/a", "a test") })
	}
	saving.Wait()
	saved, err := LoadSecret(folder + "/a")
	if err != nil {
		t.Fatal(err)
	}
	public, err := LoadPublic(folder + "/a")
	if err != nil || public.Public != saved.Public {
		t.Errorf("the two files have different keys: %v", err)
	}
	for i, err := range errs {
		if won := certificates[i].Public == saved.Public; won != (err == nil) || !won && !strings.Contains(err.Error(), "exists: a key is not overwritten") {
			t.Errorf("saved: %v: %v", won, err)
		}
	}
	wantFiles(t, folder, "a", "a"+Suffix)
	for _, left := range []string{"a", "a" + Suffix} { // the other one is missing
		folder := t.TempDir()
		write(t, folder+"/"+left, "precious", 0o600)
		if err := newCertificate(t, "").Save(folder+"/a", "a test"); err == nil || !strings.Contains(err.Error(), left+" exists: a key is not overwritten") {
			t.Errorf("%s exists: %v", left, err)
		}
		if text, err := os.ReadFile(folder + "/" + left); string(text) != "precious" {
			t.Errorf("%s: %q, %v", left, text, err)
		}
		wantFiles(t, folder, left)
	}
}

func TestSaveRefuses(t *testing.T) {
	folder := t.TempDir()
	for path, want := range map[string]string{
		folder + "/a" + Suffix: "leave _secret out", folder + "/": "its name is missing", "": "its name is missing",
		folder + "/none/a":                      "open " + folder + "/none/a_secret: no such file or directory; this makes the folder: mkdir -p " + folder + "/none",
		folder + "/" + strings.Repeat("x", 249): "name too long",
	} {
		if err := newCertificate(t, "").Save(path, "a test"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for field, want := range map[Field]string{
		{"name", `the "quoted" one`}:           `metadata "name": a value cannot have a " in it`,
		{"name", "a\nb"}:                       "without control characters",
		{"name", "\xff"}:                       "a value is UTF-8",
		{"na me", "x"}:                         "letters, digits and",
		{"/name", "x"}:                         "letters, digits and",
		{"", "x"}:                              "letters, digits and",
		{"twice", "x"}:                         "the field is there twice",
		{"long", strings.Repeat("x", MaxSize)}: "the metadata is too long",
	} {
		c := newCertificate(t, "")
		c.Metadata = []Field{{"twice", "a"}, field}
		if err := c.Save(folder+"/a", "a test"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v", field, err)
		}
	}
	c := newCertificate(t, "")
	c.Pair = nil
	if err := c.Save(folder+"/a", "a test"); err == nil || !strings.Contains(err.Error(), "without its secret key") {
		t.Error(err)
	}
	wantFiles(t, folder)
}

// A disk that is full in the middle leaves nothing behind. Here it is the limit on a file's size: the secret file,
// which is the shorter one, fits.
func TestSaveLeavesNothingHalfMade(t *testing.T) {
	signal.Ignore(unix.SIGXFSZ)
	defer signal.Reset(unix.SIGXFSZ)
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []uint64{10, 330} {
		folder := t.TempDir()
		c := newCertificate(t, "")
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
		err := c.Save(folder+"/a", "a test")
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &before); err != nil {
			t.Fatal(err)
		}
		if err == nil || !strings.Contains(err.Error(), "write "+folder+"/a") || !strings.Contains(err.Error(), "file too large") {
			t.Errorf("at most %d bytes: %v", limit, err)
		}
		wantFiles(t, folder)
	}
}

func TestQuote(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/a-b_c.d": "/etc/a-b_c.d", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$a": "'$a'", "ä": "'ä'", "a&b": "'a&b'",
	} {
		if got := Quote(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}
