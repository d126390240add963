package curve

import "testing"

// BenchmarkHandshake performs whole handshakes: both ends' work together.
func BenchmarkHandshake(b *testing.B) {
	e := begin(b, "")
	metadata := "\x0bSocket-Type\x00\x00\x00\x06DEALER"
	b.ReportAllocs()
	for b.Loop() {
		e.again(b, metadata)
		if _, _, err := e.client.Finish(e.ready(b, metadata)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHello is what a HELLO costs a server, from a stranger that wants to tire it.
func BenchmarkHello(b *testing.B) {
	e := begin(b, "")
	genuine := e.client.Hello()
	other := altered(genuine, helloSize-1)
	for name, hello := range map[string][]byte{"genuine": genuine, "forged": other, "malformed": genuine[1:]} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := NewServer(&e.serverKeys)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Welcome(hello); (err == nil) != (name == "genuine") {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInitiate is what the server's second step costs.
func BenchmarkInitiate(b *testing.B) {
	r := recorded(b, recordings+"/push-pull.txt")
	before := r.newServer(b)
	if _, err := before.Welcome(r.hello); err != nil {
		b.Fatal(err)
	}
	forged := altered(r.initiate, len(r.initiate)-1)
	for name, initiate := range map[string][]byte{"genuine": r.initiate, "forged": forged} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := *before
				s.cookie = clone(before.cookie)
				if _, _, err := s.Accept(initiate); (err == nil) != (name == "genuine") {
					b.Fatal(err)
				}
			}
		})
	}
}
