package delivery

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/kv"
)

// taskBegun keeps the task of an accepted delivery, in the transaction that accepts it.
func (q *Queue) taskBegun(tx kv.Txn, d *Delivery) {}

// taskChanged keeps what an attempt did to its task, in the transaction of the verdict.
func (q *Queue) taskChanged(tx kv.Txn, v *verdict, now time.Time) {}
