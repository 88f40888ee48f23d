package fc

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/alcedo-storage/alcedo/internal/delivery"
	"github.com/alcedo-storage/alcedo/internal/function"
)

// Tasks are asynchronous invocations that can be looked at and stopped; *delivery.Queue
// has them.
type Tasks interface {
	ListTasks(ctx context.Context, q delivery.TaskQuery) (tasks []*delivery.Task, next string, err error)
	GetTask(ctx context.Context, function, qualifier, id string) (*delivery.Task, error)

	// StopTask ends a task that has not ended; one that was stopped already is no error.
	StopTask(ctx context.Context, function, qualifier, id string) error
}

type taskOutput struct {
	TaskID              string      `json:"taskId"`
	RequestID           string      `json:"requestId"`
	FunctionARN         string      `json:"functionArn"`
	Qualifier           string      `json:"qualifier"`
	Status              string      `json:"status"`
	StartedTime         int64       `json:"startedTime"`
	EndTime             int64       `json:"endTime,omitempty"`
	DurationMs          int64       `json:"durationMs"`
	AlreadyRetriedTimes int         `json:"alreadyRetriedTimes"`
	DestinationStatus   string      `json:"destinationStatus,omitempty"`
	InstanceID          string      `json:"instanceId,omitempty"`
	TaskPayload         string      `json:"taskPayload,omitempty"`
	TaskErrorMessage    string      `json:"taskErrorMessage,omitempty"`
	ReturnPayload       string      `json:"returnPayload,omitempty"`
	Events              []taskEvent `json:"events"`
}

type taskEvent struct {
	EventID     int64  `json:"eventId"`
	EventDetail string `json:"eventDetail,omitempty"`
	Status      string `json:"status"`
	Timestamp   int64  `json:"timestamp"`
}

func (h *Handler) showTask(t *delivery.Task) taskOutput {
	out := taskOutput{
		TaskID: t.ID, RequestID: t.RequestID, FunctionARN: h.functionARN(t.Function), Qualifier: t.Qualifier, Status: t.State,
		StartedTime: t.Started.UnixMilli(), AlreadyRetriedTimes: t.Retried, DestinationStatus: t.Destination, InstanceID: t.InstanceID,
		TaskPayload: string(t.Payload), TaskErrorMessage: t.Error, ReturnPayload: string(t.Return), Events: make([]taskEvent, 0, len(t.Events)),
	}
	if t.Qualifier != function.Latest {
		out.FunctionARN += "/" + t.Qualifier
	}
	if !t.Ended.IsZero() {
		out.EndTime = t.Ended.UnixMilli()
	}
	if t.Duration > 0 {
		out.DurationMs = milliseconds(t.Duration)
	}
	for _, e := range t.Events {
		out.Events = append(out.Events, taskEvent{e.ID, e.Detail, e.State, e.Time.UnixMilli()})
	}
	return out
}

var errNoTasks = notImplemented("Asynchronous invocation is not available on this server.")

func (h *Handler) listTasks(c *call) error {
	if h.Tasks == nil {
		return errNoTasks
	}
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	in := delivery.TaskQuery{Function: c.args[0], Qualifier: q.Get("qualifier"), Prefix: q.Get("prefix"), Limit: limit, Token: q.Get("nextToken")}
	if in.Payload, err = boolParam("includePayload", q.Get("includePayload")); err != nil {
		return err
	}
	switch order := q.Get("sortOrderByTime"); strings.ToLower(order) {
	case "", "desc":
	case "asc":
		in.Ascending = true
	default:
		return invalid("sortOrderByTime '%s' is invalid: it must be asc or desc", clip(order))
	}
	if in.Begin, err = timeParam("startedTimeBegin", q.Get("startedTimeBegin")); err != nil {
		return err
	}
	if in.End, err = timeParam("startedTimeEnd", q.Get("startedTimeEnd")); err != nil {
		return err
	}
	switch s := q.Get("status"); s {
	case "", delivery.Enqueued, "Dequeued", delivery.Running, delivery.Retrying, delivery.Succeeded, delivery.Failed, delivery.Stopping, delivery.Stopped, delivery.Expired, delivery.Invalid:
		in.State = s
	default:
		return invalid("status '%s' is none that a task can have", clip(s))
	}
	tasks, next, err := h.Tasks.ListTasks(c.r.Context(), in)
	if err != nil {
		return err
	}
	out := struct {
		Tasks     []taskOutput `json:"tasks"`
		NextToken string       `json:"nextToken,omitempty"`
	}{make([]taskOutput, 0, len(tasks)), next}
	for _, t := range tasks {
		out.Tasks = append(out.Tasks, h.showTask(t))
	}
	return c.json(out)
}

func boolParam(name, s string) (bool, error) {
	switch strings.ToLower(s) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, invalid("%s '%s' is invalid: it must be true or false", name, clip(s))
}

// timeParam reads milliseconds of the unix clock; the zero time if there are none.
func timeParam(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms < 0 {
		return time.Time{}, invalid("%s '%s' is invalid: it must be a time in milliseconds", name, clip(s))
	}
	return time.UnixMilli(ms), nil
}

func (h *Handler) getTask(c *call) error {
	if h.Tasks == nil {
		return errNoTasks
	}
	t, err := h.Tasks.GetTask(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier"), c.args[1])
	if err != nil {
		return err
	}
	return c.json(h.showTask(t))
}

func (h *Handler) stopTask(c *call) error {
	if h.Tasks == nil {
		return errNoTasks
	}
	if err := h.Tasks.StopTask(c.r.Context(), c.args[0], c.r.URL.Query().Get("qualifier"), c.args[1]); err != nil {
		return err
	}
	return c.done()
}
