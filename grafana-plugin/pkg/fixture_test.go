package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"golang.org/x/sync/errgroup"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/contract/token"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/job"
	"github.com/librum/librum/grafana-plugin/pkg/source"
	"github.com/librum/librum/localnet"
)

// network is a running node with peers that train.
type network struct {
	*localnet.Network
	url, token string
	secrets    localnet.Secrets
	client     *client.Client
}

const peers = 2

func startNetwork(t testing.TB) *network {
	t.Helper()
	dir := localnet.Dir(t.TempDir())
	n := &network{secrets: localnet.SecretsFromSeed(5)}
	if err := localnet.Create(dir, n.secrets, localnet.Spec{Nodes: 1, Peers: peers, Accounts: 3, Time: time.Now()}); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.Network, err = localnet.Open(t.Context(), dir, localnet.Options{}); err != nil {
		t.Fatal(err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.url = "http://" + listener.Addr().String()
	if n.token, err = dir.ReadToken(); err != nil {
		t.Fatal(err)
	}
	if n.client, err = client.New(n.url, n.token, client.Options{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // not t's: the cleanup ends it and waits
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return n.Run(ctx) })
	group.Go(func() error { return n.Serve(ctx, listener, nil) })
	group.Go(func() error { return n.RunPeers(ctx, n.url, 1, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() {
		n.client.Close()
		cancel()
		if err := errors.Join(group.Wait(), n.Close()); err != nil {
			t.Error(err)
		}
	})
	return n
}

// train runs a job to its end.
func (n *network) train(t testing.TB, key string, rounds int64) ledger.Digest {
	t.Helper()
	spec := job.Defaults()
	spec.NumRounds, spec.MinTrainPeers, spec.MinAvailablePeers = rounds, peers, peers
	spec.Model.Layers = []int64{64, 16, 10}
	created, err := n.client.CreateJob(t.Context(), spec, key)
	if err != nil {
		t.Fatal(err)
	}
	n.awaitJob(t, created.ID)
	return created.ID
}

func (n *network) awaitJob(t testing.TB, id ledger.Digest) {
	t.Helper()
	for _, err := range n.client.Events(t.Context(), id, "") {
		if err != nil {
			t.Fatal(err)
		}
	}
	n.settle(t)
}

// transfer sends so many tokens from one account to another.
func (n *network) transfer(t testing.TB, amount uint64) {
	t.Helper()
	caller := identity.Caller{
		Chain: n.Chain, Sender: n.secrets.ID(localnet.KindAccount, 0), Key: n.secrets.Key(localnet.KindAccount, 0), Random: rand.Reader,
	}
	raw, err := caller.Call(token.Name, "transfer",
		&token.Transfer{To: n.secrets.ID(localnet.KindAccount, 1), Amount: ledger.NewAmount(amount)}, time.Now().Add(time.Minute).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.client.Submit(t.Context(), raw, client.Final); err != nil {
		t.Fatal(err)
	}
}

// settle waits until all that is final now can be searched.
func (n *network) settle(t testing.TB) {
	t.Helper()
	if err := n.Nodes[0].Search.Await(t.Context(), n.Nodes[0].Status().Final); err != nil {
		t.Fatal(err)
	}
}

// backEnd is the built plug-in, started as Grafana starts it.
type backEnd struct {
	data      pluginv2.DataClient
	health    pluginv2.DiagnosticsClient
	resources pluginv2.ResourceClient
	streams   pluginv2.StreamClient
}

// startPlugin builds the back end and goes through the handshake of go-plugin.
func startPlugin(t testing.TB) *backEnd {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gpx_librum_datasource")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the back end: %v\n%s", err, out)
	}
	cmd := exec.Command(binary) //nolint:noctx // go-plugin ends it
	cmd.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: grpcplugin.ProtocolVersion, MagicCookieKey: grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{grpcplugin.ProtocolVersion: {
			"data": &grpcplugin.DataGRPCPlugin{}, "diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"resource": &grpcplugin.ResourceGRPCPlugin{}, "stream": &grpcplugin.StreamGRPCPlugin{},
		}},
		Cmd: cmd, AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC}, Logger: hclog.NewNullLogger(), SkipHostEnv: true,
	})
	t.Cleanup(c.Kill)
	rpc, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	b := &backEnd{}
	dispense(t, rpc, "data", &b.data)
	dispense(t, rpc, "diagnostics", &b.health)
	dispense(t, rpc, "resource", &b.resources)
	dispense(t, rpc, "stream", &b.streams)
	return b
}

func dispense[T any](t testing.TB, rpc plugin.ClientProtocol, name string, to *T) {
	t.Helper()
	raw, err := rpc.Dispense(name)
	if err != nil {
		t.Fatal(err)
	}
	typed, ok := raw.(T)
	if !ok {
		t.Fatalf("%s is a %T", name, raw)
	}
	*to = typed
}

// settings are those of a data source that asks at url.
func settings(url, token, jsonData string) *pluginv2.PluginContext {
	secure := map[string]string{}
	if token != "" {
		secure["token"] = token
	}
	return &pluginv2.PluginContext{
		OrgId: 1, PluginId: source.PluginID, PluginVersion: "0.0.0",
		DataSourceInstanceSettings: &pluginv2.DataSourceInstanceSettings{
			Uid: "librum", Name: "Librum", Url: url, JsonData: []byte(jsonData), DecryptedSecureJsonData: secure,
			LastUpdatedMS: time.Now().UnixNano(), // each its own instance
		},
	}
}

// ask sends one query for the last hour.
func (b *backEnd) ask(t testing.TB, at *pluginv2.PluginContext, kind, form string) *pluginv2.DataResponse {
	t.Helper()
	return b.askFor(t, at, kind, form, time.Now().Add(-time.Hour), time.Now().Add(time.Minute))
}

func (b *backEnd) askFor(t testing.TB, at *pluginv2.PluginContext, kind, form string, from, to time.Time) *pluginv2.DataResponse {
	t.Helper()
	out, err := b.data.QueryData(t.Context(), &pluginv2.QueryDataRequest{PluginContext: at, Queries: []*pluginv2.DataQuery{{
		RefId: "A", QueryType: kind, Json: []byte(form), MaxDataPoints: 500, IntervalMS: 1000,
		TimeRange: &pluginv2.TimeRange{FromEpochMS: from.UnixMilli(), ToEpochMS: to.UnixMilli()},
	}}})
	if err != nil {
		t.Fatalf("%s %s: %v", kind, form, err)
	}
	return out.Responses["A"]
}

// frames are those of an answer that went well.
func frames(t testing.TB, r *pluginv2.DataResponse) data.Frames {
	t.Helper()
	if r.Error != "" {
		t.Fatalf("%d of %s: %s", r.Status, r.ErrorSource, r.Error)
	}
	list, err := data.UnmarshalArrowFrames(r.Frames)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func searchAll() *v1.SearchRequest { return &v1.SearchRequest{Limit: new(0)} }
