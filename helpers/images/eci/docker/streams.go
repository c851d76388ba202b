package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Logs gives what the container has written, standard error in between, as kubectl logs shows it.
func (c *Client) Logs(ctx context.Context, id string, options LogOptions) (io.ReadCloser, error) {
	query := url.Values{"stdout": {"1"}, "stderr": {"1"}}
	if options.Follow {
		query.Set("follow", "1")
	}
	if options.Timestamps {
		query.Set("timestamps", "1")
	}
	if options.Tail >= 0 {
		query.Set("tail", strconv.Itoa(options.Tail))
	}
	if !options.Since.IsZero() {
		query.Set("since", fmt.Sprintf("%d.%09d", options.Since.Unix(), options.Since.Nanosecond()))
	}
	answer, err := c.open(ctx, "GET", "/containers/"+id+"/logs", query, nil)
	if err != nil {
		return nil, err
	}
	if options.TTY {
		return answer.Body, nil
	}
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(split(answer.Body, writer, writer)) }()
	return both{reader, answer.Body}, nil
}

// both closes the pipe and the connection that feeds it.
type both struct {
	*io.PipeReader
	source io.Closer
}

func (b both) Close() error {
	b.source.Close()
	return b.PipeReader.Close()
}

// split takes Docker's mixed stream apart: a header of 8 bytes (which stream, how long), then that many bytes.
func split(mixed io.Reader, out, errs io.Writer) error {
	var header [8]byte
	for {
		if _, err := io.ReadFull(mixed, header[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		target := out
		if header[0] == 2 {
			target = errs
		}
		if target == nil {
			target = io.Discard
		}
		if _, err := io.CopyN(target, mixed, int64(binary.BigEndian.Uint32(header[4:]))); err != nil {
			return err
		}
	}
}

// Exec runs a command and returns its exit code.
func (c *Client) Exec(ctx context.Context, id string, exec Exec) (int, error) {
	streams := exec.Streams
	form := map[string]any{
		"Cmd": exec.Command, "Tty": streams.TTY, "AttachStdin": streams.In != nil,
		"AttachStdout": streams.Out != nil, "AttachStderr": streams.Err != nil,
	}
	var made struct {
		ID string `json:"Id"`
	}
	if err := c.call(ctx, "POST", "/containers/"+id+"/exec", nil, form, &made); err != nil {
		return 0, err
	}
	start := map[string]any{"Detach": false, "Tty": streams.TTY}
	if err := c.converse(ctx, "/exec/"+made.ID+"/start", nil, start, "/exec/"+made.ID+"/resize", streams); err != nil {
		return 0, err
	}
	return c.exitCode(ctx, made.ID)
}

// exitCode waits for the end: a command's output may end before it does, and Docker may note the code a moment later.
func (c *Client) exitCode(ctx context.Context, exec string) (int, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, time.Second) {
		var now struct {
			Running  bool
			ExitCode int
		}
		if err := c.call(ctx, "GET", "/exec/"+exec+"/json", nil, nil, &now); err != nil || !now.Running {
			return now.ExitCode, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Attach joins the container's own process, until that or the connection ends.
func (c *Client) Attach(ctx context.Context, id string, streams Streams) error {
	query := url.Values{"stream": {"1"}}
	for name, wanted := range map[string]bool{"stdin": streams.In != nil, "stdout": streams.Out != nil, "stderr": streams.Err != nil} {
		if wanted {
			query.Set(name, "1")
		}
	}
	return c.converse(ctx, "/containers/"+id+"/attach", query, nil, "/containers/"+id+"/resize", streams)
}

// converse takes the connection over after the headers: then both sides write when they like.
func (c *Client) converse(ctx context.Context, path string, query url.Values, body any, resize string, streams Streams) error {
	connection, reader, err := c.hijack(ctx, path, query, body)
	if err != nil {
		return err
	}
	defer connection.Close()
	stop := context.AfterFunc(ctx, func() { connection.Close() })
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go c.resizing(ctx, resize, streams.Resize)
	if streams.In != nil {
		go feed(connection, streams.In)
	}
	if streams.TTY {
		_, err = io.Copy(orDiscard(streams.Out), reader)
		return err
	}
	return split(reader, streams.Out, streams.Err)
}

func orDiscard(writer io.Writer) io.Writer {
	if writer == nil {
		return io.Discard
	}
	return writer
}

// feed closes one direction only: the command sees the end of its input, and can still answer.
func feed(connection net.Conn, in io.Reader) {
	_, _ = io.Copy(connection, in)
	if half, ok := connection.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
}

func (c *Client) hijack(ctx context.Context, path string, query url.Values, body any) (net.Conn, io.Reader, error) {
	made, err := request(ctx, "POST", path, query, body)
	if err != nil {
		return nil, nil, err
	}
	made.Header.Set("Connection", "Upgrade")
	made.Header.Set("Upgrade", "tcp")
	connection, err := c.dial(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := made.Write(connection); err != nil {
		connection.Close()
		return nil, nil, err
	}
	reader := bufio.NewReader(connection)
	answer, err := http.ReadResponse(reader, made)
	if err == nil && answer.StatusCode >= 400 {
		err = failure(answer)
	}
	if err != nil {
		connection.Close()
		return nil, nil, err
	}
	return connection, reader, nil
}

func (c *Client) resizing(ctx context.Context, path string, sizes <-chan Size) {
	for {
		select {
		case <-ctx.Done():
			return
		case size, open := <-sizes:
			if !open {
				return
			}
			query := url.Values{"w": {strconv.Itoa(int(size.Width))}, "h": {strconv.Itoa(int(size.Height))}}
			c.resize(ctx, path, query)
		}
	}
}

// resize tries again for a second: the first size comes before the process is there.
func (c *Client) resize(ctx context.Context, path string, query url.Values) {
	for range 10 {
		if c.call(ctx, "POST", path, query, nil, nil) == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

var _ API = (*Client)(nil)
