package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// audioBytes is the size of the audio that a player asks for.
	audioBytes = 4_000_000
	// plays and lists are the requests of one round. The kernel counts CPU time in ticks
	// of 10 ms.
	plays, lists, rounds = 400, 400, 5
	// players and listers are the clients that ask at the same moment.
	players, listers = 250, 1000
	// idleTime is how long a server is left alone before its memory counts as idle.
	idleTime = 25 * time.Second
)

// client keeps a connection for each of the clients, and does not ask for compression.
var client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: listers}}

// server is a running server of one machine.
type server struct {
	cmd  *exec.Cmd
	url  string
	head http.Header
}

// oneBox measures the server of one machine (`make run`) next to a plain file server.
// The clients run in this process, so only the servers' CPU time counts.
func (b *bench) oneBox(ctx context.Context) error {
	box, err := b.startBox(ctx)
	if err != nil {
		return err
	}
	defer box.stop()
	audio, list, err := box.prepare(ctx)
	if err != nil {
		return err
	}
	files, err := b.startFiles(ctx)
	if err != nil {
		return err
	}
	defer files.stop()
	idle, err := box.memory()
	if err != nil {
		return err
	}
	// The least of several rounds, because other processes only add to a figure.
	play, stream, file, page := math.MaxFloat64, math.MaxFloat64, math.MaxFloat64, math.MaxFloat64
	for range rounds {
		for _, c := range []struct {
			least *float64
			of    *server
			url   string
			n     int
		}{{&play, box, audio, plays}, {&stream, box, strings.Replace(audio, "=inline", "=stream", 1), plays}, {&file, files, files.url + "/audio", plays}, {&page, box, list, lists}} {
			figure, err := c.of.cpu(ctx, c.url, c.n)
			if err != nil {
				return err
			}
			*c.least = min(*c.least, figure)
		}
	}
	b.add("one machine, 4 MB inline", "ms", play, file)
	b.add("one machine, 4 MB streamed", "ms", stream, file)
	b.add("one machine, page of 50", "ms", page, 0)
	b.add(fmt.Sprintf("one machine, %d players, failed", players), "", box.crowd(ctx, audio, players), 0)
	b.add(fmt.Sprintf("one machine, %d lists, failed", listers), "", box.crowd(ctx, list, listers), 0)
	client.CloseIdleConnections()
	time.Sleep(idleTime)
	after, err := box.memory()
	b.add("one machine, memory after a burst", "KB", after, idle)
	if err != nil {
		return err
	}
	return b.queue(ctx)
}

// startBox starts the server of one machine on an empty data folder.
func (b *bench) startBox(ctx context.Context) (*server, error) {
	binary, err := b.build(ctx, "local", "")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, "data")
	s := &server{cmd: exec.CommandContext(ctx, binary, "--empty", "--token"), head: http.Header{}}
	s.cmd.Env = append(os.Environ(), "DATA_DIR="+dir, "PORT=0", "HOST=127.0.0.1", "S3_PORT=0", "LOG_LEVEL=error")
	s.cmd.Stderr = os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		text, err := os.ReadFile(filepath.Join(dir, "demo.env"))
		if err == nil {
			vars := map[string]string{}
			for line := range strings.Lines(string(text)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				vars[name] = value
			}
			s.url = vars["URL"] + "/v2/accounts/" + vars["ACCOUNT_ID"] + "/recordings"
			s.head.Set("X-Auth-Token", vars["TOKEN"])
			return s, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("the server did not start")
}

// startFiles starts this program as a plain file server.
func (b *bench) startFiles(ctx context.Context) (*server, error) {
	dir := filepath.Join(b.dir, "files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "audio"), wave(audioBytes), 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.CommandContext(ctx, self, "-files", dir)}
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	var port int
	_, err = fmt.Fscan(out, &port)
	s.url = "http://127.0.0.1:" + strconv.Itoa(port)
	return s, err
}

// serveFiles serves a folder and prints the port. It does not return.
func serveFiles(ctx context.Context, dir string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	return (&http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}).Serve(l)
}

// wave returns a WAV file of n bytes, with 8,000 samples of 16 bits a second.
func wave(n int) []byte {
	const header = 44
	b := make([]byte, 0, n)
	b = append(b, "RIFF"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n-8))
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	for _, v := range []uint16{1, 1} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = binary.LittleEndian.AppendUint32(b, 8000)
	b = binary.LittleEndian.AppendUint32(b, 16000)
	for _, v := range []uint16{2, 16} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(n-header))
	for len(b) < n {
		b = append(b, byte(len(b)*7))
	}
	return b
}

// prepare stores recordings, one of them with audio. It returns the URLs of the audio
// and of a list.
func (s *server) prepare(ctx context.Context) (audio, list string, err error) {
	for n := range 2 * pageSize {
		r := sample(n)
		document, err := json.Marshal(map[string]json.RawMessage{"data": json.RawMessage(r.Document)})
		if err != nil {
			return "", "", err
		}
		if _, err := s.do(ctx, http.MethodPut, s.url, document); err != nil {
			return "", "", err
		}
	}
	made, err := s.do(ctx, http.MethodPut, s.url, []byte(`{"data":{"id":"202601-audio"}}`))
	if err != nil {
		return "", "", err
	}
	var pending struct {
		Data struct {
			ReadOnly struct {
				Upload struct {
					URL     string
					Headers map[string]string
				}
			} `json:"_read_only"`
		}
	}
	if err := json.Unmarshal(made, &pending); err != nil {
		return "", "", err
	}
	upload := &server{head: http.Header{}}
	for name, value := range pending.Data.ReadOnly.Upload.Headers {
		upload.head.Set(name, value)
	}
	if _, err := upload.do(ctx, http.MethodPut, pending.Data.ReadOnly.Upload.URL, wave(audioBytes)); err != nil {
		return "", "", err
	}
	one := s.url + "/202601-audio"
	for range 200 {
		document, err := s.do(ctx, http.MethodGet, one, nil)
		if err != nil {
			return "", "", err
		}
		if bytes.Contains(document, []byte(`"state":"ready"`)) {
			return one + "?accept=audio/*&delivery=inline", s.url + "?page_size=50", nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", "", errors.New("the audio did not become ready")
}

// do sends a request and returns the body of the answer, which must be a success.
func (s *server) do(ctx context.Context, method, url string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = s.head.Clone()
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %.300s", method, url, resp.Status, answer)
	}
	return answer, err
}

// read sends a GET and reads the answer without keeping it.
func (s *server) read(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	r.Header = s.head.Clone()
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	n, err := io.Copy(io.Discard, resp.Body)
	if err == nil && (resp.StatusCode != http.StatusOK || n != resp.ContentLength) {
		err = fmt.Errorf("GET %s: %s with %d bytes", url, resp.Status, n)
	}
	return err
}

// cpu returns the CPU time of the server for one of n requests, in ms.
func (s *server) cpu(ctx context.Context, url string, n int) (float64, error) {
	before, err := s.ticks()
	for i := 0; i < n && err == nil; i++ {
		err = s.read(ctx, url)
	}
	if err != nil {
		return 0, err
	}
	after, err := s.ticks()
	return float64(int((after-before)*tickTime/float64(n)*100)) / 100, err
}

// tickTime is the length of a tick in ms (USER_HZ of Linux).
const tickTime = 10

// ticks returns the CPU time of the server so far: the fields utime and stime of
// /proc/PID/stat (proc(5)).
func (s *server) ticks() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const utime, stime = 11, 12 // after the name
	if len(fields) <= stime {
		return 0, errors.New("no times in /proc/PID/stat")
	}
	user, err := strconv.ParseFloat(fields[utime], 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseFloat(fields[stime], 64)
	return user + system, err
}

// memory returns the resident memory of the server in KB.
func (s *server) memory() (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, errors.New("no VmRSS in /proc")
}

// crowd sends n requests at once and returns how many failed.
func (s *server) crowd(ctx context.Context, url string, n int) float64 {
	var failed atomic.Int64
	var first sync.Once
	var clients sync.WaitGroup
	for range n {
		clients.Go(func() {
			if err := s.read(ctx, url); err != nil {
				failed.Add(1)
				first.Do(func() { fmt.Fprintln(os.Stderr, "bench: the first failure:", err) })
			}
		})
	}
	clients.Wait()
	return float64(failed.Load())
}

// stop ends the server.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}
