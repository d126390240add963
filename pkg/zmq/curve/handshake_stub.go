package curve

import "errors"

type Client struct{}
type Server struct{}

var errStub = errors.New("stub")

func NewClient(own *KeyPair, server Key, metadata []byte) (*Client, error) { return nil, errStub }
func (c *Client) Hello() []byte                                            { return nil }
func (c *Client) Initiate(welcome []byte) (initiate []byte, err error)     { return nil, errStub }
func (c *Client) Finish(ready []byte) (metadata []byte, s *Session, err error) {
	return nil, nil, errStub
}
func NewServer(own *KeyPair) (*Server, error)                      { return nil, errStub }
func (s *Server) Welcome(hello []byte) (welcome []byte, err error) { return nil, errStub }
func (s *Server) Accept(initiate []byte) (client Key, metadata []byte, err error) {
	return Key{}, nil, errStub
}
func (s *Server) Ready(metadata []byte) (ready []byte, session *Session, err error) {
	return nil, nil, errStub
}
