package endpoints

import (
	"golang.org/x/net/dns/dnsmessage"
)

const ttl = 60 // seconds

// Answer writes the reply to one DNS query to dst and returns it; nil means that the
// packet deserves no answer. Served names have the address 127.0.0.1 and no other
// records; every other name does not exist, so that nothing waits for a time-out.
func Answer(dst, query []byte) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response {
		return nil
	}
	reply := dnsmessage.Header{ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired,
		RecursionAvailable: true, Authoritative: true}
	q, err := p.Question()
	if err != nil {
		if err != dnsmessage.ErrSectionDone {
			return nil
		}
		reply.RCode = dnsmessage.RCodeFormatError
		return finish(dst, reply, nil, false)
	}
	if h.OpCode != 0 {
		reply.RCode = dnsmessage.RCodeNotImplemented
		return finish(dst, reply, &q, false)
	}
	known := q.Class == dnsmessage.ClassINET && Served(q.Name.String())
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	return finish(dst, reply, &q, known && (q.Type == dnsmessage.TypeA || q.Type == dnsmessage.TypeALL))
}

func finish(dst []byte, h dnsmessage.Header, q *dnsmessage.Question, address bool) []byte {
	b := dnsmessage.NewBuilder(dst[:0], h)
	if q != nil {
		if b.StartQuestions() != nil || b.Question(*q) != nil {
			return nil
		}
	}
	if address {
		rh := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: ttl}
		if b.StartAnswers() != nil || b.AResource(rh, dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}) != nil {
			return nil
		}
	}
	m, err := b.Finish()
	if err != nil {
		return nil
	}
	return m
}
