package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
	"github.com/librum/librum/localnet"
)

type benchEnroll struct {
	members int
	dir     string
	json    bool
}

func newBenchEnrollCommand() *cobra.Command {
	b := &benchEnroll{}
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Measure how fast an authority enrols members from a file",
		Long: `Measure what librum ca enroll --from and librum ca approve --all do, by the same
code: read the file, check requests and proofs, encrypt the evidence, sign and
submit over HTTP to four nodes, execute, certify. Making keys and requests,
which members do, is not measured.`,
		Example: "  librum bench enroll --members 10000",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			result, err := b.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return printBenchResults(cmd.OutOrStdout(), b.json, *result)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&b.members, "members", 10_000, "members to enrol")
	flags.StringVar(&b.dir, "dir", "", "directory for network and authority, removed afterwards (default the system's)")
	flags.BoolVar(&b.json, "json", false, "print the result as JSON on the last line")
	return cmd
}

func (b *benchEnroll) run(ctx context.Context, progress io.Writer) (result *benchResult, err error) {
	if b.members < 1 || b.members > maxApplicants {
		return nil, wrongUse(fmt.Errorf("--members is 1 to %d", maxApplicants))
	}
	dir, err := os.MkdirTemp(b.dir, "librum-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	at := localnet.Dir(filepath.Join(dir, "network"))
	secrets := localnet.SecretsFromSeed(1)
	if err := localnet.Create(at, secrets, localnet.Spec{Nodes: demoNodes, Time: time.Now()}); err != nil {
		return nil, err
	}
	network, err := localnet.Open(ctx, at, localnet.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, network.Close()) }()
	listener, err := listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	group, running := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(running)
	defer stop()
	group.Go(func() error { return network.Run(running) })
	group.Go(func() error { return network.Serve(running, listener, nil) })
	group.Go(func() error {
		defer stop()
		var err error
		result, err = b.measure(running, network, secrets, dir, listener.Addr(), progress)
		return err
	})
	return result, group.Wait()
}

// measure makes authority and applicants, and then enrols them against the
// clock.
func (b *benchEnroll) measure(
	ctx context.Context, network *localnet.Network, secrets localnet.Secrets, dir string, address net.Addr, progress io.Writer,
) (*benchResult, error) {
	settings := ca.Settings{Chain: network.Chain, Shard: network.Genesis.Shard, Organisation: secrets.ID(localnet.KindOrganisation, 0)}
	path := filepath.Join(dir, "ca")
	if err := ca.Init(path, settings, ca.Secrets{}, time.Now(), rand.Reader); err != nil {
		return nil, err
	}
	say(progress, "making %d requests", b.members)
	file := filepath.Join(dir, "applicants.jsonl")
	size, err := b.writeApplicants(file, settings)
	if err != nil {
		return nil, err
	}
	token, err := network.Dir.ReadToken()
	if err != nil {
		return nil, err
	}
	c, err := client.New("http://"+address.String(), token, client.Options{})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	officer := &actor{client: c, caller: identity.Caller{
		Chain: network.Chain, Shard: network.Genesis.Shard, Sender: secrets.ID(localnet.KindOfficer, 0),
		Key: secrets.Key(localnet.KindOfficer, 0), Random: rand.Reader,
	}}
	say(progress, "enrolling them")
	cpu, err := processCPU()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	office, err := ca.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, office.Close()) }()
	applicants, err := readApplicants(file)
	if err != nil {
		return nil, err
	}
	records, err := office.Enrol(ctx, applicants, time.Now(), rand.Reader)
	if err != nil {
		return nil, err
	}
	taken := time.Since(begin)
	authority, err := office.Authority(nil, rand.Reader)
	if err != nil {
		return nil, err
	}
	a := approver{office: office, authority: authority, officer: officer, life: days(365)}
	out, err := a.approve(ctx, records, progress)
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(begin)
	if out.Approved != b.members {
		return nil, fmt.Errorf("%d of %d were approved", out.Approved, b.members)
	}
	used, err := processCPU()
	if err != nil {
		return nil, err
	}
	rss, err := peakRSS()
	if err != nil {
		return nil, err
	}
	bound := measureEd25519(secrets.Key(localnet.KindOfficer, 0))
	rate := float64(b.members) / elapsed.Seconds()
	return &benchResult{
		What: "enroll", RatePerS: rate, BytesPerS: float64(size) / elapsed.Seconds(),
		CPUUsPerUnit: float64((used - cpu).Microseconds()) / float64(b.members), PeakRSSBytes: rss,
		Bound: bound.perSecond, BoundName: "Ed25519 checks per second of one core, expanded keys", RatioToBound: rate / bound.perSecond,
		Conditions: fmt.Sprintf("%d members with a document each from one file in %.1f s, of which reading, checking and encrypting %.1f s; "+
			"%d nodes in the process, durable, executed; batches of %d over HTTP", b.members, elapsed.Seconds(), taken.Seconds(), demoNodes, approveBatch),
		unit: "members",
	}, nil
}

// writeApplicants writes what --from reads, and returns its size.
func (b *benchEnroll) writeApplicants(path string, settings ca.Settings) (_ int64, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	encoder := json.NewEncoder(file)
	for i := range b.members {
		key, err := identity.NewKey(rand.Reader)
		if err != nil {
			return 0, err
		}
		request := cert.Request{Kind: cert.KindMember, Chain: settings.Chain, Shard: settings.Shard, Organisation: settings.Organisation}
		if _, err := rand.Read(request.ID[:]); err != nil {
			return 0, err
		}
		text, err := request.MarshalRequest(key)
		if err != nil {
			return 0, err
		}
		document := fmt.Sprintf("document-%d", i)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), document), []byte(ledger.Hash(text).String()), 0o600); err != nil {
			return 0, err
		}
		err = encoder.Encode(map[string]any{
			"request": string(text), "name": fmt.Sprintf("Member %d", i), "roles": []string{identity.RoleMember}, "evidence": []string{document},
		})
		if err != nil {
			return 0, err
		}
	}
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
