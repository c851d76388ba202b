// Package docker speaks Docker's HTTP API over its socket: the few calls that a provider of Pods needs.
package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// ErrGone is for what Docker does not know (any more), ErrExists for a name that is taken.
var (
	ErrGone   = errors.New("not found in Docker")
	ErrExists = errors.New("exists in Docker")
)

// Client is the API over a Unix socket.
type Client struct {
	socket string
	http   http.Client
}

// Open makes a client; nothing is asked yet.
func Open(socket string) *Client {
	client := &Client{socket: socket}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return client.dial(ctx) }
	client.http.Transport = &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 32}
	return client
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", c.socket)
}

// request sends a call without a version, so that the daemon speaks its own newest one.
func request(ctx context.Context, method, path string, query url.Values, body any) (*http.Request, error) {
	var reader io.Reader
	kind := "application/json"
	switch body := body.(type) {
	case nil:
	case io.Reader:
		reader, kind = body, "application/x-tar"
	default:
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		reader = bytes.NewReader(text)
	}
	made, err := http.NewRequestWithContext(ctx, method, "http://docker"+path+"?"+query.Encode(), reader)
	if err == nil && reader != nil {
		made.Header.Set("Content-Type", kind)
	}
	return made, err
}

// open makes a call and gives its answer to be read; the caller closes it.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, body any) (*http.Response, error) {
	made, err := request(ctx, method, path, query, body)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(made)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode >= 400 {
		defer answer.Body.Close()
		return nil, failure(answer)
	}
	return answer, nil
}

// call makes a call and reads its answer into found, if that is given.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body, found any) error {
	answer, err := c.open(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if found == nil {
		_, err = io.Copy(io.Discard, answer.Body)
		return err
	}
	return json.NewDecoder(answer.Body).Decode(found)
}

// failure is Docker's own sentence.
func failure(answer *http.Response) error {
	var said struct{ Message string }
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<16))
	if json.Unmarshal(text, &said) != nil || said.Message == "" {
		said.Message = strings.TrimSpace(string(text))
	}
	switch answer.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", said.Message, ErrGone)
	case http.StatusConflict:
		return fmt.Errorf("%s: %w", said.Message, ErrExists)
	}
	return fmt.Errorf("Docker answered %d: %s", answer.StatusCode, said.Message)
}

// filters is how Docker wants a choice by labels.
func filters(labels map[string]string, more map[string][]string) string {
	chosen := map[string][]string{}
	for key, values := range more {
		chosen[key] = values
	}
	for key, value := range labels {
		chosen["label"] = append(chosen["label"], key+"="+value)
	}
	sort.Strings(chosen["label"])
	text, _ := json.Marshal(chosen)
	return string(text)
}

// Containers lists, and inspects each: the list has no exit codes.
func (c *Client) Containers(ctx context.Context, labels map[string]string) ([]Container, error) {
	var listed []struct {
		ID string `json:"Id"`
	}
	query := url.Values{"all": {"1"}, "filters": {filters(labels, nil)}}
	if err := c.call(ctx, "GET", "/containers/json", query, nil, &listed); err != nil {
		return nil, err
	}
	var all []Container
	for _, one := range listed {
		found, err := c.Inspect(ctx, one.ID)
		if errors.Is(err, ErrGone) {
			continue // removed in between
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Created.Before(all[j].Created) })
	return all, nil
}

type inspected struct {
	ID     string `json:"Id"`
	Name   string
	Image  string
	Config struct {
		Image  string
		Labels map[string]string
		TTY    bool `json:"Tty"`
	}
	Created         time.Time
	State           State
	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

// Inspect tells all of one container.
func (c *Client) Inspect(ctx context.Context, id string) (Container, error) {
	var found inspected
	if err := c.call(ctx, "GET", "/containers/"+id+"/json", nil, nil, &found); err != nil {
		return Container{}, err
	}
	addresses := map[string]string{}
	for network, one := range found.NetworkSettings.Networks {
		if one.IPAddress != "" {
			addresses[network] = one.IPAddress
		}
	}
	return Container{
		ID: found.ID, Name: strings.TrimPrefix(found.Name, "/"), Image: found.Config.Image, ImageID: found.Image,
		Labels: found.Config.Labels, TTY: found.Config.TTY, Created: found.Created, State: found.State, Addresses: addresses,
	}, nil
}

// Create makes a container and starts nothing.
func (c *Client) Create(ctx context.Context, name string, form Form) (string, error) {
	var made struct {
		ID string `json:"Id"`
	}
	err := c.call(ctx, "POST", "/containers/create", url.Values{"name": {name}}, form, &made)
	return made.ID, err
}

// Start is no error for one that runs.
func (c *Client) Start(ctx context.Context, id string) error {
	return c.call(ctx, "POST", "/containers/"+id+"/start", nil, nil, nil)
}

// Stop returns when the process has ended.
func (c *Client) Stop(ctx context.Context, id string, grace time.Duration) error {
	query := url.Values{"t": {strconv.Itoa(int(grace.Round(time.Second).Seconds()))}}
	return c.call(ctx, "POST", "/containers/"+id+"/stop", query, nil, nil)
}

// Remove kills and removes, with the volumes that have no name.
func (c *Client) Remove(ctx context.Context, id string) error {
	err := c.call(ctx, "DELETE", "/containers/"+id, url.Values{"force": {"1"}, "v": {"1"}}, nil, nil)
	// "removal is already in progress" comes as a conflict: somebody else removes it.
	if errors.Is(err, ErrGone) || errors.Is(err, ErrExists) {
		return nil
	}
	return err
}

// Image answers ErrGone for one that Docker does not have.
func (c *Client) Image(ctx context.Context, name string) (Image, error) {
	var found Image
	err := c.call(ctx, "GET", "/images/"+name+"/json", nil, nil, &found)
	return found, err
}

// Put unpacks an archive in a container.
func (c *Client) Put(ctx context.Context, id, folder string, tar io.Reader) error {
	return c.call(ctx, "PUT", "/containers/"+id+"/archive", url.Values{"path": {folder}}, tar, nil)
}

// CreateVolume is no error for one that is there.
func (c *Client) CreateVolume(ctx context.Context, volume Volume) error {
	return c.call(ctx, "POST", "/volumes/create", nil, volume, nil)
}

// Volumes lists those with all of these labels.
func (c *Client) Volumes(ctx context.Context, labels map[string]string) ([]Volume, error) {
	var found struct{ Volumes []Volume }
	err := c.call(ctx, "GET", "/volumes", url.Values{"filters": {filters(labels, nil)}}, nil, &found)
	return found.Volumes, err
}

// RemoveVolume is no error for one that is gone.
func (c *Client) RemoveVolume(ctx context.Context, name string) error {
	err := c.call(ctx, "DELETE", "/volumes/"+name, url.Values{"force": {"1"}}, nil, nil)
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Events follows the containers with these labels.
func (c *Client) Events(ctx context.Context, labels map[string]string) (<-chan Event, error) {
	more := map[string][]string{"type": {"container"}, "event": {"start", "die", "destroy", "oom"}}
	answer, err := c.open(ctx, "GET", "/events", url.Values{"filters": {filters(labels, more)}}, nil)
	if err != nil {
		return nil, err
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		decoder := json.NewDecoder(answer.Body)
		for {
			var one struct {
				Action string
				Actor  struct {
					ID         string
					Attributes map[string]string
				}
			}
			if decoder.Decode(&one) != nil {
				return
			}
			select {
			case events <- Event{Action: one.Action, ID: one.Actor.ID, Labels: one.Actor.Attributes}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return events, nil
}

// Stats is one measurement; Docker is told not to wait for a second one.
func (c *Client) Stats(ctx context.Context, id string) (Stats, error) {
	var found struct {
		Read time.Time
		CPU  struct {
			Usage struct {
				Total uint64 `json:"total_usage"`
			} `json:"cpu_usage"`
		} `json:"cpu_stats"`
		Memory struct {
			Usage uint64
			Stats map[string]uint64
		} `json:"memory_stats"`
	}
	query := url.Values{"stream": {"0"}, "one-shot": {"1"}}
	if err := c.call(ctx, "GET", "/containers/"+id+"/stats", query, nil, &found); err != nil {
		return Stats{}, err
	}
	memory := workingSet(found.Memory.Usage, found.Memory.Stats)
	return Stats{Read: found.Read, CPU: time.Duration(found.CPU.Usage.Total), MemoryBytes: memory}, nil
}

// workingSet is kubelet's measure; the name of the inactive part differs between cgroup v1 and v2.
func workingSet(usage uint64, stats map[string]uint64) uint64 {
	inactive, found := stats["total_inactive_file"]
	if !found {
		inactive = stats["inactive_file"]
	}
	if inactive > usage {
		return 0
	}
	return usage - inactive
}
