package docker

import (
	"context"
	"io"
	"time"
)

// API is what the provider asks of Docker; tests have another one in its place.
type API interface {
	// Containers lists those with all of these labels, running or not, in the order of their creation.
	Containers(ctx context.Context, labels map[string]string) ([]Container, error)
	Inspect(ctx context.Context, id string) (Container, error)
	// Create answers ErrExists if a container has the name already.
	Create(ctx context.Context, name string, form Form) (string, error)
	Start(ctx context.Context, id string) error
	// Stop asks with SIGTERM (or the image's own signal), and kills after the grace period.
	Stop(ctx context.Context, id string, grace time.Duration) error
	// Remove kills what runs; a container that is gone is no error.
	Remove(ctx context.Context, id string) error
	Image(ctx context.Context, name string) (Image, error)
	// Put unpacks a tar archive into a folder of a container, running or not.
	Put(ctx context.Context, id, folder string, tar io.Reader) error

	CreateVolume(ctx context.Context, volume Volume) error
	Volumes(ctx context.Context, labels map[string]string) ([]Volume, error)
	RemoveVolume(ctx context.Context, name string) error

	// Events tells the IDs of containers that started, ended or were removed. The channel ends with the connection.
	Events(ctx context.Context, labels map[string]string) (<-chan Event, error)
	Logs(ctx context.Context, id string, options LogOptions) (io.ReadCloser, error)
	Exec(ctx context.Context, id string, exec Exec) (exitCode int, err error)
	Attach(ctx context.Context, id string, streams Streams) error
	Stats(ctx context.Context, id string) (Stats, error)
}

// Container is what Docker tells of one.
type Container struct {
	ID      string
	Name    string
	Image   string // as it was asked for
	ImageID string
	Labels  map[string]string
	TTY     bool // its output is a terminal's, and comes in one piece
	Created time.Time
	State   State
	// Addresses by Docker network; a container that joined another one's network has none.
	Addresses map[string]string
}

// State is Docker's: Status is created, running, paused, restarting, removing, exited or dead.
type State struct {
	Status     string
	ExitCode   int
	OOMKilled  bool
	Error      string
	StartedAt  time.Time
	FinishedAt time.Time
}

// Running says whether the container's process is there.
func (s State) Running() bool { return s.Status == "running" || s.Status == "paused" }

// Over says whether it was there, and has ended.
func (s State) Over() bool { return s.Status == "exited" || s.Status == "dead" }

// Form is the body of Docker's create call, as far as we use it.
type Form struct {
	Image        string
	Cmd          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	User         string              `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Hostname     string              `json:",omitempty"`
	Tty          bool                `json:",omitempty"`
	OpenStdin    bool                `json:",omitempty"`
	StdinOnce    bool                `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
	HostConfig   HostConfig          `json:",omitempty"`
	Healthcheck  *Healthcheck        `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
}

// Healthcheck switches an image's own one off: the kubelet does not know it either.
type Healthcheck struct{ Test []string }

// HostConfig is the part of a container that concerns its machine.
type HostConfig struct {
	NetworkMode    string            `json:",omitempty"`
	IpcMode        string            `json:",omitempty"`
	PidMode        string            `json:",omitempty"`
	NanoCpus       int64             `json:",omitempty"`
	CpuShares      int64             `json:",omitempty"`
	Memory         int64             `json:",omitempty"`
	MemorySwap     int64             `json:",omitempty"`
	ReadonlyRootfs bool              `json:",omitempty"`
	CapAdd         []string          `json:",omitempty"`
	CapDrop        []string          `json:",omitempty"`
	SecurityOpt    []string          `json:",omitempty"`
	Sysctls        map[string]string `json:",omitempty"`
	GroupAdd       []string          `json:",omitempty"`
	Mounts         []Mount           `json:",omitempty"`
	RestartPolicy  RestartPolicy
	LogConfig      LogConfig
}

// RestartPolicy is always "no": who restarts a container is the provider.
type RestartPolicy struct{ Name string }

// LogConfig is the log driver, whatever the daemon's default is.
type LogConfig struct {
	Type   string
	Config map[string]string
}

// Mount is a volume, or a path below one's folder (a bind).
type Mount struct {
	Type          string // volume or bind
	Source        string
	Target        string
	ReadOnly      bool           `json:",omitempty"`
	VolumeOptions *VolumeOptions `json:",omitempty"`
}

// VolumeOptions: without NoCopy Docker fills an empty volume with what the image has there.
type VolumeOptions struct{ NoCopy bool }

// Image as Docker has it.
type Image struct {
	ID     string `json:"Id"`
	Bytes  int64  `json:"Size"`
	Config struct{ User string }
}

// Volume is a named one. Mountpoint is where its files are on Docker's machine.
type Volume struct {
	Name       string
	Driver     string
	DriverOpts map[string]string
	Labels     map[string]string
	Mountpoint string `json:",omitempty"`
}

// Event is a start, die or destroy of a container.
type Event struct {
	Action string
	ID     string
	Labels map[string]string
}

// LogOptions as kubectl logs has them. Tail is -1 for all.
type LogOptions struct {
	Follow     bool
	Timestamps bool
	Tail       int
	Since      time.Time
	TTY        bool
}

// Size of a terminal.
type Size struct{ Width, Height uint16 }

// Streams of a process; nil is one that nobody wants.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	TTY      bool
	Resize   <-chan Size
}

// Exec is a command in a running container.
type Exec struct {
	Command []string
	Streams Streams
}

// Stats of one moment.
type Stats struct {
	Read        time.Time
	CPU         time.Duration // used since the start
	MemoryBytes uint64        // the working set: without what the kernel can drop at once
}
