// Package function keeps functions, their versions and aliases, their code packages and
// their asynchronous-invocation settings.
package function

import "time"

// Latest is the qualifier of a function's changeable, unpublished configuration.
const Latest = "LATEST"

// Config is everything that decides how a function runs. LATEST has one that changes;
// each published version has one that never does. The JSON names are those of FC 3.0
// (API version 2023-03-30).
type Config struct {
	Runtime     string            `cbor:"1,keyasint,omitempty" json:"runtime"`
	Handler     string            `cbor:"2,keyasint,omitempty" json:"handler"`
	Description string            `cbor:"3,keyasint,omitempty" json:"description"`
	Role        string            `cbor:"4,keyasint,omitempty" json:"role"` // ARN; empty: the function gets no credentials
	CPU         float64           `cbor:"5,keyasint,omitempty" json:"cpu"`  // vCPUs, 0.05 steps
	MemoryMB    int               `cbor:"6,keyasint,omitempty" json:"memorySize"`
	DiskMB      int               `cbor:"7,keyasint,omitempty" json:"diskSize"`
	Timeout     int               `cbor:"8,keyasint,omitempty" json:"timeout"` // seconds, 1–86400
	Env         map[string]string `cbor:"9,keyasint,omitempty" json:"environmentVariables"`
	Concurrency int               `cbor:"10,keyasint,omitempty" json:"instanceConcurrency"` // requests at once per instance, 1–200
	Internet    bool              `cbor:"11,keyasint,omitempty" json:"internetAccess"`
	Layers      []string          `cbor:"12,keyasint,omitempty" json:"layers"`
	Initializer Hook              `cbor:"13,keyasint,omitempty" json:"initializer"`
	PreStop     Hook              `cbor:"14,keyasint,omitempty" json:"preStop"`
	IdleTimeout int               `cbor:"15,keyasint,omitempty" json:"idleTimeout"` // seconds; 0: the runner's default
	Code        Code              `cbor:"16,keyasint,omitempty" json:"-"`

	// Extra holds accepted FC settings that Alcedo stores and gives back, but that do
	// not change how it runs the function (logConfig, vpcConfig with empty ids, …), as
	// the JSON text received, by JSON name.
	Extra map[string]string `cbor:"17,keyasint,omitempty" json:"-"`
}

// Hook is an instance life-cycle hook; an empty Handler means there is none.
type Hook struct {
	Handler string `cbor:"1,keyasint,omitempty" json:"handler"`
	Timeout int    `cbor:"2,keyasint,omitempty" json:"timeout"` // seconds
}

// Code names one immutable code package.
type Code struct {
	ID       string `cbor:"1,keyasint,omitempty"` // unique per package content; names its directory in [Store.CodeDir]
	Checksum string `cbor:"2,keyasint,omitempty"` // CRC-64/ECMA-182 of the zip, decimal, as FC prints it
	Size     int64  `cbor:"3,keyasint,omitempty"` // bytes of the zip
	Blob     string `cbor:"4,keyasint,omitempty"` // the zip itself
}

// Function is a function's identity and its LATEST configuration.
type Function struct {
	Name        string    `cbor:"1,keyasint"`
	ID          string    `cbor:"2,keyasint"` // uuid; a function made anew under an old name has another
	Created     time.Time `cbor:"3,keyasint"`
	Modified    time.Time `cbor:"4,keyasint"`
	Config      Config    `cbor:"5,keyasint"`
	ETag        string    `cbor:"6,keyasint,omitempty"` // changes with every update
	Disabled    string    `cbor:"7,keyasint,omitempty"` // reason why invocation is disabled; empty: enabled
	LastVersion uint64    `cbor:"8,keyasint,omitempty"` // highest version number ever published
	Reserved    *int      `cbor:"9,keyasint,omitempty"` // reserved concurrency; nil: none set
	Tags        []Tag     `cbor:"10,keyasint,omitempty"`
	DisabledAt  time.Time `cbor:"11,keyasint,omitempty"` // when Disabled last changed
}

// Tag is a name and value that a user attached.
type Tag struct {
	Key   string `cbor:"1,keyasint" json:"Key"`
	Value string `cbor:"2,keyasint" json:"Value"`
}

// Resolved is what a qualifier means at one moment: the configuration to run.
type Resolved struct {
	Name      string // function name
	ID        string // Function.ID
	Qualifier string // as asked: LATEST, a version id or an alias name
	Version   string // the version chosen: LATEST or a version id
	Config    *Config
	Disabled  string
	Reserved  *int
	LoopLimit int // 1 to MaxLoopLimit, LoopDefault or LoopOff
}

// Key identifies the configuration for pools of instances: equal keys may share
// instances, different ones never do. ETag is the function's for LATEST, or empty.
type Key struct{ ID, Version, ETag string }
