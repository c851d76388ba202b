package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	maxRepeats   = 10_000
	maxBodyBytes = 1 << 20
)

// getter sends the requests of one `storefront get`.
type getter struct {
	client *http.Client
	header http.Header
}

// runGet prints a line for each response: status, version, body. Every response counts as success, whatever its
// status: the caller sees it. A request without a response is told on stderr, and the exit code is then 1.
func runGet(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("get [-H 'K: V'] [-n N] [-timeout 2s] URL...", stderr)
	header := http.Header{}
	flags.Func("H", "header to send, `'K: V'`; may be repeated", func(text string) error {
		return addHeader(header, text)
	})
	repeats := flags.Int("n", 1, "how many times to ask each URL")
	timeout := flags.Duration("timeout", 2*time.Second, "time limit of one request")
	if code, ok := parse(flags, args, timeout); !ok {
		return code
	}
	if *repeats < 1 || *repeats > maxRepeats {
		return usage(flags, fmt.Sprintf("-n must be from 1 to %d, not %d", maxRepeats, *repeats))
	}
	g := getter{client: newClient(*timeout), header: header}
	code := exitOK
	for range *repeats {
		for _, address := range flags.Args() {
			if err := g.get(address, stdout); err != nil {
				fmt.Fprintf(stderr, "storefront: %v\n", err)
				code = exitFailed
			}
		}
	}
	return code
}

// newClient opens a new connection for each request, since kube-proxy chooses a Pod for a connection, not for a
// request. It follows no redirect: the redirect is the answer.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (g getter) get(address string, stdout io.Writer) error {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header = g.header.Clone()
	request.Host = g.header.Get("Host") // empty: the one of the URL
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBodyBytes))
	if err != nil {
		return &url.Error{Op: "Get", URL: address, Err: err}
	}
	fmt.Fprintln(stdout, response.StatusCode, version(response, body), oneLine(body))
	return nil
}

// version is the one that the header tells, or else the body, or else "?": another program answered.
func version(response *http.Response, body []byte) string {
	if v := response.Header.Get("X-Storefront-Version"); v != "" {
		return v
	}
	var page struct{ Version string }
	if json.Unmarshal(body, &page) == nil && page.Version != "" {
		return page.Version
	}
	return "?"
}

// oneLine is compact JSON if body is JSON, else its words.
func oneLine(body []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, body) == nil {
		return compact.String()
	}
	return strings.Join(strings.Fields(string(body)), " ")
}

func addHeader(header http.Header, text string) error {
	name, value, found := strings.Cut(text, ":")
	if name = strings.TrimSpace(name); !found || name == "" {
		return errors.New("it must look like 'Name: value'")
	}
	header.Add(name, strings.TrimSpace(value))
	return nil
}

// runResolve prints a line "NAME ADDRESS" for each address, sorted so that two answers can be compared. It asks
// what /etc/resolv.conf names and goes through its search domains, as every program in the Pod does.
func runResolve(args []string, stdout, stderr io.Writer) int {
	flags := newFlags("resolve [-timeout 5s] NAME...", stderr)
	timeout := flags.Duration("timeout", 5*time.Second, "time limit of one name")
	if code, ok := parse(flags, args, timeout); !ok {
		return code
	}
	code := exitOK
	for _, name := range flags.Args() {
		addresses, err := resolve(name, *timeout)
		if err != nil {
			fmt.Fprintf(stderr, "storefront: %v\n", err)
			code = exitFailed
		}
		for _, address := range addresses {
			fmt.Fprintln(stdout, name, address)
		}
	}
	return code
}

func resolve(name string, timeout time.Duration) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	resolver := net.Resolver{PreferGo: true}
	found, err := resolver.LookupNetIP(ctx, "ip", name)
	unique := map[netip.Addr]bool{}
	for _, address := range found {
		unique[address.Unmap()] = true
	}
	return slices.SortedFunc(maps.Keys(unique), netip.Addr.Compare), err
}

func newFlags(synopsis string, stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet(synopsis, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: storefront", synopsis)
		flags.PrintDefaults()
	}
	return flags
}

// parse reads args and says whether to go on; if not, with which exit code to stop.
func parse(flags *flag.FlagSet, args []string, timeout *time.Duration) (code int, ok bool) {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK, false
	case err != nil:
		return exitUsage, false // the flag package has said why
	case flags.NArg() == 0:
		return usage(flags, "nothing to ask for"), false
	case *timeout <= 0:
		return usage(flags, fmt.Sprintf("-timeout must be more than 0, not %v", *timeout)), false
	}
	return exitOK, true
}

func usage(flags *flag.FlagSet, sentence string) int {
	fmt.Fprintf(flags.Output(), "storefront: %s\n", sentence)
	flags.Usage()
	return exitUsage
}
