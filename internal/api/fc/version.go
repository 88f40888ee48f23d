package fc

import (
	"github.com/alcedo-storage/alcedo/internal/function"
)

type versionOutput struct {
	VersionID        string `json:"versionId"`
	Description      string `json:"description"`
	CreatedTime      string `json:"createdTime"`
	LastModifiedTime string `json:"lastModifiedTime"`
}

func showVersion(v *function.Version) versionOutput {
	return versionOutput{v.ID, v.Description, wireTime(v.Created), wireTime(v.Created)}
}

func (h *Handler) publishVersion(c *call) error {
	var in struct {
		Description string `json:"description"`
	}
	if err := c.decode(&in); err != nil {
		return err
	}
	v, err := h.Functions.PublishVersion(c.r.Context(), c.args[0], c.r.Header.Get("If-Match"), in.Description)
	if err != nil {
		return err
	}
	return c.json(showVersion(v))
}

func (h *Handler) listVersions(c *call) error {
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	direction := q.Get("direction")
	switch direction {
	case "":
		direction = "BACKWARD"
	case "BACKWARD", "FORWARD":
	default:
		return invalid("direction '%s' is invalid: it must be BACKWARD or FORWARD", clip(direction))
	}
	vs, next, err := h.Functions.ListVersions(c.r.Context(), c.args[0], q.Get("nextToken"), limit, direction == "FORWARD")
	if err != nil {
		return err
	}
	out := struct {
		Versions  []versionOutput `json:"versions"`
		NextToken string          `json:"nextToken,omitempty"`
		Direction string          `json:"direction"`
	}{make([]versionOutput, 0, len(vs)), next, direction}
	for _, v := range vs {
		out.Versions = append(out.Versions, showVersion(v))
	}
	return c.json(out)
}

func (h *Handler) deleteVersion(c *call) error {
	if err := h.Functions.DeleteVersion(c.r.Context(), c.args[0], c.args[1], h.unbound()); err != nil {
		return err
	}
	return c.done()
}

type aliasOutput struct {
	AliasName        string             `json:"aliasName"`
	VersionID        string             `json:"versionId"`
	Description      string             `json:"description"`
	Weights          map[string]float64 `json:"additionalVersionWeight"`
	CreatedTime      string             `json:"createdTime"`
	LastModifiedTime string             `json:"lastModifiedTime"`
}

func showAlias(a *function.Alias) aliasOutput {
	w := a.Weights
	if w == nil {
		w = map[string]float64{}
	}
	return aliasOutput{a.Name, a.Version, a.Description, w, wireTime(a.Created), wireTime(a.Modified)}
}

type aliasInput struct {
	AliasName   string              `json:"aliasName"`
	VersionID   *string             `json:"versionId"`
	Description *string             `json:"description"`
	Weights     *map[string]float64 `json:"additionalVersionWeight"`
}

func (h *Handler) createAlias(c *call) error {
	var in aliasInput
	if err := c.decode(&in); err != nil {
		return err
	}
	a := function.Alias{Name: in.AliasName}
	set(&a.Version, in.VersionID)
	set(&a.Description, in.Description)
	set(&a.Weights, in.Weights)
	made, err := h.Functions.CreateAlias(c.r.Context(), c.args[0], a)
	if err != nil {
		return err
	}
	return c.json(showAlias(made))
}

func (h *Handler) getAlias(c *call) error {
	a, err := h.Functions.GetAlias(c.r.Context(), c.args[0], c.args[1])
	if err != nil {
		return err
	}
	return c.json(showAlias(a))
}

func (h *Handler) updateAlias(c *call) error {
	var in aliasInput
	if err := c.decode(&in); err != nil {
		return err
	}
	a, err := h.Functions.UpdateAlias(c.r.Context(), c.args[0], c.args[1], function.AliasChange{Version: in.VersionID, Description: in.Description, Weights: in.Weights})
	if err != nil {
		return err
	}
	return c.json(showAlias(a))
}

func (h *Handler) deleteAlias(c *call) error {
	if err := h.Functions.DeleteAlias(c.r.Context(), c.args[0], c.args[1], h.unbound()); err != nil {
		return err
	}
	return c.done()
}

func (h *Handler) listAliases(c *call) error {
	q := c.r.URL.Query()
	limit, err := c.limit("limit")
	if err != nil {
		return err
	}
	as, next, err := h.Functions.ListAliases(c.r.Context(), c.args[0], q.Get("prefix"), q.Get("nextToken"), limit)
	if err != nil {
		return err
	}
	out := struct {
		Aliases   []aliasOutput `json:"aliases"`
		NextToken string        `json:"nextToken,omitempty"`
	}{make([]aliasOutput, 0, len(as)), next}
	for _, a := range as {
		out.Aliases = append(out.Aliases, showAlias(a))
	}
	return c.json(out)
}
