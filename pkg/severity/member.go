package severity

// OfMember returns the severity that a member of a JSON object states. Key and value are as in the JSON text, the key
// without its quotes.
func OfMember(key, value []byte) (Severity, bool) {
	rank, s := field(key, value)
	return s, rank != silent
}

// OfName returns the severity that has this name: one of those in the package's comment, in letters of any case.
func OfName(name []byte) (Severity, bool) { return named(name) }
