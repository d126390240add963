package curve

// TestSessions returns both ends' sessions of one connection, for tests of what carries them.
func TestSessions() (client, server *Session) {
	shared := [32]byte{1}
	return newSession(&shared, false, 0, 0), newSession(&shared, true, 0, 0)
}
