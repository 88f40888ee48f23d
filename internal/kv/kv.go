// Package kv is the one place where Alcedo's state lives: an ordered, transactional
// key-value store behind a small interface.
//
// Drivers: kv/pebblekv (the default, durable) and kv/memkv (in memory, for tests and
// for real use where nothing need survive). Every driver passes the suite in kv/kvtest.
//
// Limits come from the weakest engine that may ever sit below this interface
// (FoundationDB), so that no room grows into a driver's generosity.
package kv

import (
	"context"
	"errors"
)

// Limits that every driver enforces; a transaction that exceeds one fails with
// [ErrTooLarge] and changes nothing.
const (
	MaxKeySize   = 4 << 10  // bytes of one key
	MaxValueSize = 64 << 10 // bytes of one value
	MaxTxnSize   = 4 << 20  // bytes of all keys and values written by one transaction
)

var (
	// ErrNotFound is returned by Get for a key that has no value.
	ErrNotFound = errors.New("kv: key not found")
	// ErrTooLarge is returned for a key, value or transaction over the limits.
	ErrTooLarge = errors.New("kv: key, value or transaction too large")
	// ErrUndecided is in the chain of an error after which an Update may yet turn out to
	// have been made: the medium failed between the commit and the proof that it is
	// durable. What the Update refers to must stay. It is never there half; if it is
	// made, its OnCommit functions are called then, from another goroutine.
	ErrUndecided = errors.New("kv: the medium failed; whether the transaction was made is not known yet")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("kv: store is closed")
	// Stop, returned by the function given to Scan, ends the scan without an error.
	//
	//lint:ignore ST1012 it is an order, not an error, as fs.SkipAll
	Stop = errors.New("kv: stop scanning")
)

// Store is an ordered key-value store with serializable transactions.
//
// All methods may be called from many goroutines. Implementations never lose a change
// after the Update that made it returned nil, for as long as the medium keeps what was
// synced to it.
type Store interface {
	// View runs fn on a consistent snapshot and returns its error. It may see the
	// effects of an Update that has not returned yet, never half of one. The Reader
	// is valid only until fn returns.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn in a serializable transaction. When it returns nil, all of fn's
	// writes are durable, together; when it returns an error, none of them is visible,
	// then or later, unless the error is [ErrUndecided].
	//
	// While the medium does not take writes, Update returns a *fault.Error of the Kind
	// Unavailable at once, without calling fn or without an effect, and View goes on. A
	// driver that keeps a reserve of space does so too for updates that write values,
	// when only the reserve is left, unless ctx is of [Reserve].
	//
	// fn may run more than once, when another transaction changed what it read: it
	// must have no side effects but its writes and may only use [Txn.OnCommit] to act
	// on success. An error from fn aborts the transaction and is returned as it is.
	Update(ctx context.Context, fn func(Txn) error) error

	// Close releases the store. Calls under way finish first; later ones get ErrClosed.
	Close() error
}

type reserve struct{}

// Reserve returns a context whose updates may use the space that a driver keeps back on a
// full medium: those that free space, and those that record what has been done.
func Reserve(ctx context.Context) context.Context {
	return context.WithValue(ctx, reserve{}, true)
}

// MayUseReserve reports whether ctx is of Reserve; it is for drivers.
func MayUseReserve(ctx context.Context) bool { return ctx.Value(reserve{}) != nil }

// Range is the half-open interval [Start, End) of keys in bytewise order. An empty
// End means "to the last key".
type Range struct {
	Start, End []byte
	Reverse    bool // from the last key of the range to the first
}

// Reader reads one consistent state.
type Reader interface {
	// Get returns the value of key, or ErrNotFound. A key has at least one
	// byte, and is not the single byte 0, which drivers keep for themselves. The slice is the caller's until
	// the View or Update function returns and must not be changed.
	Get(key []byte) ([]byte, error)

	// Scan calls fn for each pair of the range in order until fn returns an error;
	// Stop ends the scan early and makes Scan return nil. key and value are valid
	// only during the call, and fn must not write to the transaction that scans.
	Scan(r Range, fn func(key, value []byte) error) error
}

// Txn is a Reader that also writes. It reads its own writes, except those made with
// SetSequenced, whose keys do not exist before the commit.
type Txn interface {
	Reader

	// Set stores value under key. Both are copied.
	Set(key, value []byte)

	// Delete removes key; a key that does not exist is no error.
	Delete(key []byte)

	// SetSequenced stores value under prefix + seq + suffix, where seq is the
	// transaction's commit sequence in 8 bytes, big endian. Sequences are unique and
	// grow in commit order, across restarts too; they may have gaps. One transaction
	// has one sequence, so suffix must tell its rows apart.
	SetSequenced(prefix, suffix, value []byte)

	// Mark reads key without fetching its value, for rooms that keep hot rows decoded in
	// memory: two equal marks of a key, from any two transactions that commit, mean that
	// it was not written in between. 0 is equal to nothing: the store cannot tell. To
	// fill a cache, take the mark before the value.
	Mark(key []byte) uint64

	// OnCommit arranges for fn to be called once the transaction is durable, before
	// Update returns (see ErrUndecided for the exception), with the commit sequence (0 if
	// it wrote nothing sequenced).
	// Functions run in the order they were added; they must not block.
	OnCommit(fn func(seq uint64))
}

// PrefixEnd returns the first key after all keys that start with prefix, for use as
// [Range.End]; nil if there is none.
func PrefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// Prefix returns the range of all keys that start with prefix.
func Prefix(prefix []byte) Range { return Range{Start: prefix, End: PrefixEnd(prefix)} }
