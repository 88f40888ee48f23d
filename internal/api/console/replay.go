package console

import (
	"time"

	"github.com/alcedo-storage/alcedo/internal/event"
	"github.com/alcedo-storage/alcedo/internal/fault"
	"github.com/alcedo-storage/alcedo/internal/lineage"
	"github.com/alcedo-storage/alcedo/internal/replay"
)

// A job runs a function: to begin, pause, resume or cancel one takes fc:InvokeFunction on
// it, to see one fc:GetFunction.

func (h *handler) replayOperations() map[string]operation {
	return map[string]operation{
		"GET /api/jobs":              h.listJobs,
		"POST /api/jobs":             h.beginJob,
		"GET /api/jobs/{id}":         h.getJob,
		"POST /api/jobs/{id}/pause":  h.changeJob,
		"POST /api/jobs/{id}/resume": h.changeJob,
		"POST /api/jobs/{id}/cancel": h.changeJob,
	}
}

// JobInput asks for a job: a replay (Since, Until) or a backfill (Bucket), of a trigger.
type JobInput struct {
	Kind     string    `json:"kind"`
	Function string    `json:"function"`
	Trigger  string    `json:"trigger"`
	Bucket   string    `json:"bucket,omitempty"`
	Prefix   string    `json:"prefix,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero"`
	Rate     float64   `json:"rate,omitempty"` // deliveries a second; 0: replay.DefaultRate
	DryRun   bool      `json:"dryRun,omitempty"`
}

func (h *handler) listJobs(r *request) (any, error) {
	if err := h.may(r, "fc:GetFunction", anyOr(r.param("function"))); err != nil {
		return nil, err
	}
	list, err := h.Jobs.List(r.Context(), r.param("function"))
	if list == nil {
		list = []*replay.Job{}
	}
	return list, err
}

func (h *handler) beginJob(r *request) (any, error) {
	var in JobInput
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := h.may(r, "fc:InvokeFunction", in.Function); err != nil {
		return nil, err
	}
	return h.Jobs.Begin(r.Context(), replay.Order{
		Kind: in.Kind, Function: in.Function, Trigger: in.Trigger, Bucket: in.Bucket, Prefix: in.Prefix, Since: in.Since, Until: in.Until, Rate: in.Rate, DryRun: in.DryRun,
		By: event.Origin{PrincipalID: r.who.ID, SourceIP: remoteAddr(r.Request), Lineage: (*lineage.Lineage)(r.who.Lineage)},
	})
}

// job finds the job that a request names, for who may do action on its function.
func (h *handler) job(r *request, action string) (*replay.Job, error) {
	j, err := h.Jobs.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		if may := h.may(r, action, "*"); may != nil {
			return nil, may
		}
		return nil, err
	}
	return j, h.may(r, action, j.Function)
}

func (h *handler) getJob(r *request) (any, error) { return h.job(r, "fc:GetFunction") }

func (h *handler) changeJob(r *request) (any, error) {
	j, err := h.job(r, "fc:InvokeFunction")
	if err != nil {
		return nil, err
	}
	path := r.URL.Path
	switch path[len(path)-len("pause"):] {
	case "pause":
		return h.Jobs.Pause(r.Context(), j.ID)
	case "esume":
		return h.Jobs.Resume(r.Context(), j.ID)
	case "ancel":
		return h.Jobs.Cancel(r.Context(), j.ID)
	}
	return nil, fault.New(fault.NotFound, "NoSuchOperation", "There is no %s.", path)
}
