//go:build e2e

package front

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/callrecordings/api/e2e/given"
)

// front is a running nginx and the servers behind it.
type front struct {
	url     string // nginx's
	addr    string // nginx's host and port
	dir     string // nginx's logs, settings and certificate
	kazoo   *kazoo
	gateway *gateway
	roots   *x509.CertPool
	client  *http.Client      // HTTP/1.1
	demo    map[string]string // demo.env of the local server
}

// certFile is the file in front.dir with the certificate of nginx and the
// gateway.
const certFile = "cert.pem"

// start starts nginx and all servers behind it. Only nginx must be installed.
func start(t *testing.T) *front {
	t.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		t.Fatal("nginx is not on the PATH")
	}
	f := &front{dir: t.TempDir(), kazoo: startKazoo(t)}
	cert := f.certificate(t)
	f.demo = startLocal(t)
	f.gateway = startGateway(t, cert, f.demo["URL"])
	f.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(given.Ports(t)))
	f.url = "https://" + f.addr
	f.startNginx(t, startNames(t, f.gateway))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.roots}, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	f.client = &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return f
}

// startNginx fills in the shipped template as docs/how-to/front.md describes and runs
// nginx with it.
func (f *front) startNginx(t *testing.T, resolver string) {
	t.Helper()
	settings := shipped(t)
	maps.Copy(settings, map[string]string{
		"LISTEN": f.addr + " ssl http2", "SERVER_NAME": "localhost",
		"CERTIFICATE": f.file(certFile), "CERTIFICATE_KEY": f.file("key.pem"),
		"RECORDINGS_URL": fmt.Sprintf("https://%s:%d/live", gatewayName, f.gateway.port),
		"KAZOO_URL":      f.kazoo.url, "RESOLVER": resolver, "TRUSTED_CA": f.file(certFile), "LOG_DIR": f.dir,
	})
	template, err := os.ReadFile("../../front/nginx/front.conf.template")
	if err != nil {
		t.Fatal(err)
	}
	f.write(t, "front.conf", render(t, string(template), settings))
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // the owner of the test's folders
	}
	var temp strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temp, "%s_temp_path %s;\n", kind, f.file(kind))
	}
	// The shipped file must work inside an http block with settings like Debian's.
	f.write(t, "nginx.conf", fmt.Sprintf("%sdaemon off;\npid %s;\nerror_log %s info;\nevents {}\nhttp {\ngzip on;\naccess_log off;\n%sinclude %s;\n}\n",
		user, f.file("pid"), f.file("main.log"), temp.String(), f.file("front.conf")))
	if out, err := exec.CommandContext(t.Context(), "nginx", "-t", "-p", f.dir, "-e", f.file("main.log"), "-c", f.file("nginx.conf")).CombinedOutput(); err != nil {
		t.Fatalf("nginx -t: %v\n%s", err, out)
	}
	run(t, exec.Command("nginx", "-p", f.dir, "-e", f.file("main.log"), "-c", f.file("nginx.conf")), f.file("nginx.out"))
	given.Await(t, "http://"+f.addr, f.file("main.log"))
}

// shipped returns the settings in front.env.
func shipped(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../front/nginx/front.env")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z_]+)="(.*)"$`).FindAllStringSubmatch(string(text), -1) {
		values[m[1]] = m[2]
	}
	return values
}

// render replaces variables as envsubst does when it is given all names in front.env.
// The template must use exactly those names.
func render(t *testing.T, template string, settings map[string]string) string {
	t.Helper()
	used := map[string]bool{}
	out := regexp.MustCompile(`\$\{([A-Z_]+)\}`).ReplaceAllStringFunc(template, func(name string) string {
		name = name[2 : len(name)-1]
		used[name] = true
		return settings[name]
	})
	got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(maps.Keys(settings))
	if !slices.Equal(got, want) {
		t.Fatalf("the template uses %v, front.env has %v", got, want)
	}
	return out
}

// startLocal starts the server of make run, including its demo recordings, and
// returns the variables in its demo.env.
func startLocal(t *testing.T) map[string]string {
	t.Helper()
	dir := given.Programs(t, "github.com/callrecordings/api/local")
	port := given.Ports(t)
	server := exec.Command(filepath.Join(dir, "local"))
	server.Env = append(os.Environ(), "DATA_DIR="+filepath.Join(dir, "data"), "HOST=127.0.0.1", "PORT="+strconv.Itoa(port), "S3_PORT="+strconv.Itoa(port+1))
	run(t, server, filepath.Join(dir, "server.log"))
	given.Await(t, "http://"+net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), filepath.Join(dir, "server.log"))
	text, err := os.ReadFile(filepath.Join(dir, "data", "demo.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			env[name] = strings.Trim(value, `"'`)
		}
	}
	return env
}

// run starts a program and interrupts it when the test ends. It must then exit
// without an error.
func run(t *testing.T, cmd *exec.Cmd, output string) {
	t.Helper()
	out, err := os.Create(output)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(output)
			t.Errorf("%s did not stop cleanly: %v\n%s", cmd.Path, err, text)
		}
		_ = out.Close()
	})
}

// certificate creates a self-signed certificate for all names in the test and
// trusts it in f.roots.
func (f *front) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{gatewayName, "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	f.write(t, certFile, string(certPEM))
	f.write(t, "key.pem", string(keyPEM))
	f.roots = x509.NewCertPool()
	f.roots.AppendCertsFromPEM(certPEM)
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (f *front) file(name string) string { return filepath.Join(f.dir, name) }

func (f *front) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(f.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
