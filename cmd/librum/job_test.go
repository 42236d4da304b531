package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/data"
	"github.com/librum/librum/fl/peer"
	"github.com/librum/librum/localnet"
)

// served is a network that answers on a port.
type served struct {
	*localnet.Network

	secrets localnet.Secrets
	flags   []string // --server and --token-file
	client  *client.Client
}

func serveNetwork(t *testing.T, peers int) *served {
	t.Helper()
	return serveGenesis(t, peers, nil)
}

func rewriteGenesis(t *testing.T, dir localnet.Dir, change func(*ledger.Genesis)) {
	t.Helper()
	g, _, err := dir.LoadGenesis()
	if err != nil {
		t.Fatal(err)
	}
	change(g)
	b, err := ledger.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.Genesis(), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// serveGenesis serves a network whose genesis is changed before it runs.
func serveGenesis(t *testing.T, peers int, change func(*ledger.Genesis)) *served {
	t.Helper()
	s := &served{secrets: localnet.SecretsFromSeed(11)}
	dir := localnet.Dir(t.TempDir())
	if err := localnet.Create(dir, s.secrets, localnet.Spec{Nodes: 4, Peers: peers, Accounts: 2, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		rewriteGenesis(t, dir, change)
	}
	var err error
	if s.Network, err = localnet.Open(t.Context(), dir, localnet.Options{}); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // local and immediate
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	s.flags = []string{"--server", url, "--token-file", dir.Token()}
	secret, err := dir.ReadToken()
	if err != nil {
		t.Fatal(err)
	}
	if s.client, err = client.New(url, secret, client.Options{}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	working, stopWorking := context.WithCancel(context.Background())
	serving, stopServing := context.WithCancel(context.Background())
	nodes, stopNodes := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- s.Serve(serving, listener, nil) }()
	go func() { ended <- s.Run(nodes) }()
	s.work(working, t, &running, peers)
	t.Cleanup(func() {
		stopWorking()
		running.Wait()
		s.client.Close()
		stopServing()
		err := <-ended
		stopNodes()
		if err := errors.Join(err, <-ended, s.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// work lets peers train until the context ends.
func (s *served) work(ctx context.Context, t *testing.T, running *sync.WaitGroup, peers int) {
	t.Helper()
	pool, _, err := data.Digits()
	if err != nil {
		t.Fatal(err)
	}
	splits, err := data.Dirichlet(pool, 0.5, max(peers, 1), 8, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i := range peers {
		part, err := pool.Subset(splits[i])
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(s.flags[1], "", client.Options{Identity: &client.Identity{
			Key: s.secrets.Key(localnet.KindPeer, i), Chain: s.Chain, Now: time.Now, Random: rand.Reader,
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		p := peer.New(peer.Config{
			ID: s.secrets.ID(localnet.KindPeer, i), Key: s.secrets.Key(localnet.KindPeer, i),
			Chain: s.Chain, Group: s.Genesis.Group, Data: part, Server: localnet.Remote{Client: c},
			Now: time.Now, Random: rand.Reader, Logger: slog.New(slog.DiscardHandler),
		})
		running.Go(func() { _ = p.Run(ctx) }) // it only ends with the context
	}
}

// run runs a command below the root and returns its output and exit code.
func run(t *testing.T, cmd *cobra.Command, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	root := newRootCommand()
	root.SetOut(&o)
	root.SetErr(&e)
	root.SetArgs(append([]string{cmd.Name()}, args...))
	err := root.ExecuteContext(t.Context())
	var coded *exitError
	switch {
	case errors.As(err, &coded):
		code = coded.code
	case err != nil:
		code = exitNo
	}
	if err != nil {
		e.WriteString(err.Error())
	}
	return o.String(), e.String(), code
}

func (s *served) run(t *testing.T, cmd *cobra.Command, args ...string) (out, errOut string, code int) {
	t.Helper()
	return run(t, cmd, append(args, s.flags...)...)
}

func TestJobCommands(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 2)
	file := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(file, []byte("num_rounds: 2\nmin_train_peers: 2\nmodel: {layers: [64, 8, 10]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, progress, code := s.run(t, newJobCommand(), "run", "-f", file, "--key", "a", "--json")
	var end jobEnd
	if err := json.Unmarshal([]byte(out), &end); err != nil || code != 0 || end.State != "finished" || end.NumRounds != 2 || end.Accuracy == nil || end.ModelDigest.IsZero() || end.Position == "" {
		t.Fatalf("exit %d, %s%s", code, out, progress)
	}
	for _, want := range []string{"waiting for 2 peers", "round 1/2  accuracy ", "round 2/2  accuracy ", " %  loss ", "  peers 2  ", "  block "} {
		if !strings.Contains(progress, want) {
			t.Errorf("no %q in the progress:\n%s", want, progress)
		}
	}
	id := end.Job.String()
	if out, _, code := s.run(t, newJobCommand(), "watch", id); code != 0 || !strings.Contains(out, "finished after 2 rounds") {
		t.Errorf("watch: exit %d, %s", code, out)
	}
	out, _, code = s.run(t, newJobCommand(), "show", id, "--json")
	var shown v1.Job
	if err := json.Unmarshal([]byte(out), &shown); err != nil || code != 0 || shown.Model.Digest != end.ModelDigest {
		t.Errorf("show: exit %d, %s", code, out)
	}
	if out, _, code := s.run(t, newJobCommand(), "show", id); code != 0 || !strings.Contains(out, "2 of 2 final") {
		t.Errorf("show: exit %d, %s", code, out)
	}
	if out, _, code := s.run(t, newJobCommand(), "list"); code != 0 || !strings.Contains(out, id+"  finished  2/2") {
		t.Errorf("list: exit %d, %s", code, out)
	}
	out, _, code = s.run(t, newJobCommand(), "peers", id, "--json")
	var peers v1.JobPeers
	if err := json.Unmarshal([]byte(out), &peers); err != nil || code != 0 || len(peers.Peers) != 2 || peers.FirstRound != 1 || peers.LastRound != 2 {
		t.Fatalf("peers: exit %d, %s", code, out)
	}
	for _, p := range peers.Peers {
		if p.Selected != 2 || p.Committed != 2 || p.NumExamples == 0 || p.Bytes == 0 || p.Refused != nil || p.Declined != nil {
			t.Errorf("peers: %+v", p)
		}
	}
	if out, _, code := s.run(t, newJobCommand(), "peers", id); code != 0 || !strings.Contains(out, "COMMITTED") || !strings.Contains(out, peers.Peers[0].Peer.String()) {
		t.Errorf("peers: exit %d, %s", code, out)
	}
	// What is verified covers the job's end, or it is not right.
	if out, text, code := s.run(t, newVerifyCommand(), "job", id, "--after", end.Position); code != 0 || !strings.Contains(out, "state finished") {
		t.Errorf("verify after %s: exit %d, %s%s", end.Position, code, out, text)
	}
	offset, _, _ := strings.Cut(end.Position, ".")
	executed, err := strconv.ParseUint(offset, 10, 63)
	if err != nil {
		t.Fatal(err)
	}
	position := strconv.FormatUint(executed+1, 10) // as the header Librum-Position has it
	if out, text, code := s.run(t, newVerifyCommand(), "job", id, "--after", position); code != 0 || !strings.Contains(out, "state finished") {
		t.Errorf("verify after %s: exit %d, %s%s", position, code, out, text)
	}
	for _, future := range []string{"99999999", "99999999.0"} {
		if _, text, code := s.run(t, newVerifyCommand(), "job", id, "--after", future); code != exitUsage || !strings.Contains(text, "the log ends before") {
			t.Errorf("verify after %s: exit %d, %s", future, code, text)
		}
	}
	for _, bad := range []string{"012", "12.", ".1", "12.0.0", "x.0", "-1.0", "12.4294967296"} {
		if _, text, code := s.run(t, newVerifyCommand(), "job", id, "--after="+bad); code != exitUsage || !strings.Contains(text, "offset.index") {
			t.Errorf("verify after %q: exit %d, %s", bad, code, text)
		}
	}
	if _, text, code := run(t, newVerifyCommand(), "job", id, "--after", end.Position); code != exitUsage || !strings.Contains(text, "--server") {
		t.Errorf("verify a directory after a position: exit %d, %s", code, text)
	}
	if _, text, code := s.run(t, newJobCommand(), "cancel", id); code != exitNo || !strings.Contains(text, "job_over") {
		t.Errorf("cancel: exit %d, %s", code, text)
	}
	if out, _, code := s.run(t, newJobCommand(), "submit", "-f", file, "--key", "a"); code != 0 || strings.TrimSpace(out) != id {
		t.Errorf("submit with the same key: exit %d, %s", code, out)
	}
}

func TestTransactionBlockAndAccountCommands(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 0)
	args, err := ledger.Encode(&token.Transfer{To: s.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(5)})
	if err != nil {
		t.Fatal(err)
	}
	key := s.secrets.Key(localnet.KindAccount, 0)
	tx := ledger.Transaction{
		Version: ledger.Version, Chain: s.Chain, Sender: s.secrets.ID(localnet.KindAccount, 0),
		Contract: token.Name, Method: "transfer", Args: args, Expiry: time.Now().Add(time.Minute).UnixMilli(),
	}
	e, err := tx.Sign(key.ID(), key.Sign)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "transfer.cose")
	if err := os.WriteFile(file, e.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, text, code := s.run(t, newTxCommand(), "submit", file, "--wait", "final", "--json")
	var done v1.Transaction
	if err := json.Unmarshal([]byte(out), &done); err != nil || code != 0 || !done.Final || done.Code != ledger.CodeOK {
		t.Fatalf("submit: exit %d, %s%s", code, out, text)
	}
	if out, _, code := s.run(t, newTxCommand(), "show", done.ID.String()); code != 0 || !strings.Contains(out, "token.transfer") {
		t.Errorf("show: exit %d, %s", code, out)
	}
	proofFile := filepath.Join(t.TempDir(), "proof.cbor")
	if out, _, code := s.run(t, newTxCommand(), "proof", done.ID.String(), "-o", proofFile); code != 0 || strings.Count(out, "signed by") < 3 {
		t.Errorf("proof: exit %d, %s", code, out)
	}
	raw, err := os.ReadFile(proofFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.ParseResultProof(raw); err != nil {
		t.Error(err)
	}
	if out, _, code := s.run(t, newBlockCommand(), "show", "1"); code != 0 || !strings.Contains(out, done.ID.String()) {
		t.Errorf("block: exit %d, %s", code, out)
	}
	account := s.secrets.ID(localnet.KindAccount, 1).String()
	if out, _, code := s.run(t, newAccountCommand(), "show", account); code != 0 || !strings.Contains(out, "1000.000000000000000005 LCNC") {
		t.Errorf("account: exit %d, %s", code, out)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	s := serveNetwork(t, 0)
	digest := strings.Repeat("a", 64)
	nobody := []string{"--server", "http://127.0.0.1:1", "--token-file", s.flags[3]}
	wrongToken := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(wrongToken, []byte(strings.Repeat("x", 40)), 0o600); err != nil {
		t.Fatal(err)
	}
	badSpec := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(badSpec, []byte("num_round: 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cmd  *cobra.Command
		args []string
		code int
		says string
	}{
		{newJobCommand(), append([]string{"show", digest}, s.flags...), exitUnknown, "not_found"},
		{newJobCommand(), append([]string{"watch", digest}, s.flags...), exitUnknown, "not_found"},
		{newJobCommand(), append([]string{"show", digest}, nobody...), exitUnknown, "--server"},
		{newJobCommand(), append([]string{"list", "--token-file", wrongToken}, s.flags[:2]...), exitUsage, "--token-file"},
		{newJobCommand(), append([]string{"show", "xyz"}, s.flags...), exitUsage, "64 hexadecimal digits"},
		{newJobCommand(), append([]string{"show"}, s.flags...), exitUsage, "the job's id"},
		{newJobCommand(), append([]string{"list", "more"}, s.flags...), exitUsage, "more"},
		{newJobCommand(), append([]string{"sing"}, s.flags...), exitUsage, "sing"},
		{newJobCommand(), append([]string{"run"}, s.flags...), exitUsage, "-f"},
		{newJobCommand(), append([]string{"run", "-f", badSpec}, s.flags...), exitUsage, "num_round: no such field"},
		{newJobCommand(), append([]string{"run", "-f", badSpec + "x"}, s.flags...), exitUsage, "no such file"},
		{newJobCommand(), []string{"list", "--server", "here"}, exitUsage, "want http://"},
		{newTxCommand(), append([]string{"submit", badSpec}, s.flags...), exitUsage, "malformed"},
		{newTxCommand(), append([]string{"submit", badSpec, "--wait", "long"}, s.flags...), exitUsage, "--wait"},
		{newTxCommand(), append([]string{"proof", digest}, s.flags...), exitUnknown, "not_found"},
		{newBlockCommand(), append([]string{"show", "0"}, s.flags...), exitUsage, "height"},
		{newBlockCommand(), append([]string{"show", "999999"}, s.flags...), exitUnknown, "not_found"},
		{newAccountCommand(), append([]string{"show", strings.Repeat("b", 32)}, s.flags...), exitUnknown, "not_found"},
	} {
		if _, text, code := run(t, c.cmd, c.args...); code != c.code || !strings.Contains(text, c.says) {
			t.Errorf("%s %v: exit %d, %q; want %d with %q", c.cmd.Use, c.args, code, text, c.code, c.says)
		}
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	line := roundLine{Round: 3, Rounds: 20, Accuracy: 0.91234, Loss: 0.25, Peers: 10, Elapsed: 1234 * time.Millisecond, Height: 42}
	var out bytes.Buffer
	p := newProgress(&out, 20) // no terminal
	p.Round(line)
	p.Note("waits for peers")
	line.Accuracy, line.Loss = math.NaN(), math.NaN()
	p.Round(line)
	p.Done()
	want := "round  3/20  accuracy 91.23 %  loss 0.2500  peers 10  1.2s  block 42\nwaits for peers\nround  3/20  accuracy -  loss -  peers 10  1.2s  block 42\n"
	if out.String() != want {
		t.Errorf("lines\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	b := newBar(&out, 2)
	b.Round(roundLine{Round: 1, Rounds: 2, Accuracy: 0.5, Loss: 1, Peers: 2, Height: 3})
	b.Round(roundLine{Round: 2, Rounds: 2, Accuracy: 0.75, Loss: 1, Peers: 2, Height: 4})
	b.Done()
	if !strings.Contains(out.String(), "75.00 %") || !strings.Contains(out.String(), "2/2") {
		t.Errorf("bar %q", out.String())
	}
}

func TestInTokens(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   string
		decimals int
		want     string
	}{{"0", 18, "0"}, {"5", 18, "0.000000000000000005"}, {"1000000000000000000", 18, "1"}, {"1500", 3, "1.5"}, {"7", 0, "7"}} {
		if got := inTokens(c.amount, c.decimals); got != c.want {
			t.Errorf("%s with %d decimals is %s, want %s", c.amount, c.decimals, got, c.want)
		}
	}
}
