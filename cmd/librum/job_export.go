package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/chain/verify"
	"github.com/librum/librum/client"
	"github.com/librum/librum/fl/card"
	fl "github.com/librum/librum/fl/contract"
	"github.com/librum/librum/fl/evidence"
	"github.com/librum/librum/fl/provenance"
	flverify "github.com/librum/librum/fl/verify"
	"github.com/librum/librum/fullnode"
	"github.com/librum/librum/localnet"
)

// exportOptions are the flags of job export.
type exportOptions struct {
	evidence       string
	model          string
	card           string
	cardFolder     string
	provenance     string
	statement      string
	dir            string
	genesis        string
	withoutUpdates bool
}

func newJobExportCommand(flags *serverFlags) *cobra.Command {
	o := &exportOptions{}
	cmd := &cobra.Command{
		Use:   "export ID",
		Short: "Write a job's evidence, model or card into files",
		Long: `Write what is asked for: --evidence for one file that shows how the job went and
that "librum verify FILE" checks anywhere, --model for the last final model,
--card for the model card, --card-folder for the card with a text for people and
its plots, --provenance and --statement for where the model comes from, as W3C
PROV-JSON and as an in-toto statement with SLSA Provenance. These two are made
from the ledger's rows and are not signed: the evidence is what proves.

For the evidence the chain is verified first, from the directory of a stopped
network (--dir), or from the node that --server names; a node gives updates to
nobody but those who attest, so what a server gives rests on a quorum's word.`,
		Example: "  librum job export 3f0c… --evidence job.evidence --dir demo-data\n" +
			"  librum job export 3f0c… --evidence job.evidence --genesis 7d0a…\n" +
			"  librum job export 3f0c… --model model.safetensors --card card.json\n" +
			"  librum job export 3f0c… --card-folder card --provenance prov.json --statement in-toto.json",
		Args: oneArgument("the job's id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := ledger.ParseDigest(args[0])
			if err != nil {
				return wrongUse(err)
			}
			return o.run(cmd.Context(), flags, id, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.evidence, "evidence", "", "file for the evidence")
	f.StringVar(&o.model, "model", "", "file for the last final model, safetensors")
	f.StringVar(&o.card, "card", "", "file for the model card, JSON")
	f.StringVar(&o.cardFolder, "card-folder", "", "folder, made where it is not there, for card.json, card.md and its plots")
	f.StringVar(&o.provenance, "provenance", "", "file for the last final model's provenance, PROV-JSON")
	f.StringVar(&o.statement, "statement", "", "file for the same as an in-toto statement")
	f.StringVar(&o.dir, "dir", "", "take it from the directory of a stopped network instead of a server")
	f.StringVar(&o.genesis, "genesis", "", "anchor of the evidence: the genesis file, or its digest")
	f.BoolVar(&o.withoutUpdates, "without-updates", false, "leave the peers' updates out of the evidence: averages then rest on a quorum's word")
	return cmd
}

// exported is what job export prints with --json.
type exported struct {
	Job      ledger.Digest `json:"job"`
	Evidence *exportedFile `json:"evidence,omitempty"`
	Model    *exportedFile `json:"model,omitempty"`
	Card     *exportedFile `json:"card,omitempty"`

	CardFolder string        `json:"card_folder,omitempty"`
	Provenance *exportedFile `json:"provenance,omitempty"`
	Statement  *exportedFile `json:"statement,omitempty"`
}

type exportedFile struct {
	File   string `json:"file"`
	Bytes  int64  `json:"bytes"`
	Blocks uint64 `json:"blocks,omitempty"`
	// Updates says whether averages can be recomputed from the evidence.
	Recomputable *bool `json:"recomputable,omitempty"`
}

func (o *exportOptions) run(ctx context.Context, flags *serverFlags, id ledger.Digest, out io.Writer) (err error) {
	if first(o.evidence, o.model, o.card, o.cardFolder, o.provenance, o.statement) == "" {
		return wrongUse(errors.New("nothing to write: give --evidence, --model, --card, --card-folder, --provenance or --statement"))
	}
	if o.dir != "" && flags.server != "" {
		return wrongUse(errors.New("--dir and --server: give one of them"))
	}
	anchors, err := (&verifyOptions{genesis: o.genesis}).anchors()
	if err != nil {
		return wrongUse(err)
	}
	from, err := o.open(ctx, flags)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	text := out
	if flags.json {
		text = io.Discard
	}
	export := export{exportOptions: o, from: from, job: id, anchors: anchors, out: text}
	if err := export.run(ctx); err != nil {
		return err
	}
	if flags.json {
		return printJSON(out, export.result)
	}
	return nil
}

// origin is where an export comes from.
type origin struct {
	genesis  []byte
	source   verify.Source
	store    *localnet.Offline // nil: a server
	client   *client.Client    // nil: a directory
	files    []flverify.Files
	withheld bool
	closers  []func() error
}

func (f *origin) close() error {
	errs := make([]error, 0, len(f.closers))
	for _, c := range slices.Backward(f.closers) {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

func (o *exportOptions) open(ctx context.Context, flags *serverFlags) (*origin, error) {
	if o.dir != "" {
		return openDirOrigin(ctx, localnet.Dir(o.dir))
	}
	c, err := flags.open()
	if err != nil {
		return nil, err
	}
	return openServerOrigin(ctx, c)
}

func openDirOrigin(ctx context.Context, dir localnet.Dir) (*origin, error) {
	g, chain, err := dir.LoadGenesis()
	if err != nil {
		return nil, &exitError{code: exitUnknown, err: err}
	}
	from := &origin{}
	if from.genesis, err = dir.ReadGenesis(); err != nil {
		return nil, &exitError{code: exitUnknown, err: err}
	}
	nodes, err := localnet.OpenOffline(ctx, dir, g, chain)
	if err != nil {
		return nil, &exitError{code: exitUnknown, err: err}
	}
	most := uint64(0)
	for _, n := range nodes {
		from.closers = append(from.closers, n.Close)
		from.files = append(from.files, n.Blobs)
		if a, _, err := n.Store.Applied(ctx); err == nil && (from.store == nil || a.Height > most) {
			from.store, most = n, a.Height
		}
	}
	return from, nil
}

func openServerOrigin(ctx context.Context, c *client.Client) (*origin, error) {
	genesis, _, err := c.Genesis(ctx)
	if err != nil {
		c.Close()
		return nil, answered(err)
	}
	dir, err := os.MkdirTemp("", "librum-export-")
	if err != nil {
		c.Close()
		return nil, err
	}
	source := newRemoteChain(ctx, c)
	return &origin{
		genesis: genesis, source: source, client: c, files: []flverify.Files{&remoteFiles{client: c, dir: dir}}, withheld: true,
		closers: []func() error{
			func() error { c.Close(); return nil },
			func() error { return os.RemoveAll(dir) },
			func() error { source.close(); return nil },
		},
	}, nil
}

// export is one under way.
type export struct {
	*exportOptions

	from    *origin
	job     ledger.Digest
	anchors verify.Anchors
	out     io.Writer
	result  exported
}

func (e *export) run(ctx context.Context) (err error) {
	e.result.Job = e.job
	if e.evidence == "" && e.from.client != nil {
		return e.download(ctx)
	}
	place := first(e.evidence, e.model, e.card, e.cardFolder, e.provenance, e.statement)
	spool, err := os.CreateTemp(filepath.Dir(place), ".librum-spool-*")
	if err != nil {
		return &exitError{code: exitUnknown, err: fmt.Errorf("make a temporary file beside %s: %w", place, err)}
	}
	defer func() { err = errors.Join(err, spool.Close(), os.Remove(spool.Name())) }()
	recorder := evidence.NewRecorder(e.job, spool)
	input := verify.Input{
		Source: e.from.source, Genesis: e.from.genesis, Contracts: fullnode.Contracts(),
		Verify: identity.NewVerifier(1 << 14).Verify, Anchors: e.anchors, MaxOpen: maxOpenBlocks,
		Observe: func(s *verify.Seen) error { return recorder.Add((*evidence.Executed)(s)) },
	}
	if e.from.store != nil {
		input.Store = e.from.store.Store
	}
	report, state, err := verify.Chain(ctx, input)
	if err != nil {
		return answered(err)
	}
	if report.First != nil {
		code := exitNo
		if report.Verdict == verify.Incomplete {
			code = exitUnknown
		}
		return &exitError{code: code, err: fmt.Errorf("the chain is %s: %w", report.Verdict, report.First)}
	}
	job, ok, err := fl.LoadJob(state, e.job)
	if err != nil {
		return err
	}
	if !ok || !recorder.Found() {
		return &exitError{code: exitUnknown, err: fmt.Errorf("no such job on the ledger up to block %d: %s", report.Height, e.job)}
	}
	if err := e.results(ctx, string(job.State), job.Finals, job.Model, job.Card); err != nil {
		return err
	}
	origin := func(form string) ([]byte, error) {
		line, err := provenance.Read(state, e.job, job.Finals)
		if err != nil {
			return nil, err
		}
		if form == client.FormInToto {
			return line.Statement()
		}
		return line.PROV()
	}
	if err := e.origins(origin); err != nil {
		return err
	}
	if e.evidence == "" {
		return nil
	}
	return e.pack(ctx, recorder, state, job)
}

// download writes model and card that a server names, without a look at the
// chain: each is what its digest says.
func (e *export) download(ctx context.Context) error {
	j, err := e.from.client.Job(ctx, e.job)
	if err != nil {
		return answered(err)
	}
	var model, card ledger.Digest
	if j.Model != nil {
		model = j.Model.Digest
	}
	if j.Card != nil {
		card = j.Card.Digest
	}
	if err := e.results(ctx, j.State, j.FinalRounds, model, card); err != nil {
		return err
	}
	return e.origins(func(form string) ([]byte, error) {
		b, err := e.from.client.Provenance(ctx, e.job, j.FinalRounds, form)
		return b, answered(err)
	})
}

// origins writes where the model comes from.
func (e *export) origins(make func(form string) ([]byte, error)) error {
	for _, f := range []struct {
		what, path, form string
		into             **exportedFile
	}{
		{"provenance", e.provenance, client.FormPROV, &e.result.Provenance},
		{"statement", e.statement, client.FormInToto, &e.result.Statement},
	} {
		if f.path == "" {
			continue
		}
		b, err := make(f.form)
		if err != nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("make the %s: %w", f.what, err)}
		}
		if *f.into, err = e.writeBytes(f.path, b); err != nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("write the %s: %w", f.what, err)}
		}
		say(e.out, "%s: %s, %d bytes", f.what, f.path, len(b))
	}
	return nil
}

func (e *export) writeBytes(path string, b []byte) (*exportedFile, error) {
	size, err := e.write(path, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	return &exportedFile{File: path, Bytes: size}, err
}

// folder writes the card for programs and for people, with its plots.
func (e *export) folder(ctx context.Context, digest ledger.Digest) error {
	var b bytes.Buffer
	files := evidence.Reads{Files: e.from.files}
	if err := files.Copy(ctx, &b, digest); err != nil {
		return fmt.Errorf("read the model card: %w", err)
	}
	c, err := card.Parse(b.Bytes())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(e.cardFolder, 0o750); err != nil {
		return err
	}
	put := func(name string, b []byte) error {
		_, err := e.writeBytes(filepath.Join(e.cardFolder, name), b)
		return err
	}
	errs := []error{put("card.json", b.Bytes()), put("card.md", c.Markdown(func(p card.Plot) string { return p.Name }))}
	for _, p := range c.Plots() {
		errs = append(errs, put(p.Name, p.SVG))
	}
	e.result.CardFolder = e.cardFolder
	say(e.out, "card for people: %s", filepath.Join(e.cardFolder, "card.md"))
	return errors.Join(errs...)
}

// results writes model and card.
func (e *export) results(ctx context.Context, state string, finals uint64, model, card ledger.Digest) error {
	if e.cardFolder != "" {
		if card.IsZero() {
			return &exitError{code: exitUnknown, err: fmt.Errorf("the job is %s and has no model card", state)}
		}
		if err := e.folder(ctx, card); err != nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("write %s: %w", e.cardFolder, err)}
		}
	}
	for _, f := range []struct {
		what, path string
		digest     ledger.Digest
		into       **exportedFile
	}{{"final model", e.model, model, &e.result.Model}, {"model card", e.card, card, &e.result.Card}} {
		if f.path == "" {
			continue
		}
		if f.digest.IsZero() || f.what == "final model" && finals == 0 {
			return &exitError{code: exitUnknown, err: fmt.Errorf("the job is %s and has no %s", state, f.what)}
		}
		files := evidence.Reads{Files: e.from.files}
		size, err := e.write(f.path, func(w io.Writer) error { return files.Copy(ctx, w, f.digest) })
		if err != nil {
			return &exitError{code: exitUnknown, err: fmt.Errorf("write the %s: %w", f.what, err)}
		}
		*f.into = &exportedFile{File: f.path, Bytes: size}
		say(e.out, "%s %s: %s, %d bytes", f.what, f.digest, f.path, size)
	}
	return nil
}

// pack verifies the job, which tells what it rests on, and writes the evidence.
func (e *export) pack(ctx context.Context, recorder *evidence.Recorder, state *verify.State, job *fl.Job) error {
	reads := &evidence.Reads{Files: e.from.files}
	if e.withoutUpdates {
		reads.Only = map[ledger.Digest]bool{job.Model: true, job.Card: true}
	}
	report, err := flverify.Job(ctx, flverify.Input{
		State: state, Job: e.job, Files: []flverify.Files{reads}, Withheld: e.from.withheld || e.withoutUpdates,
	})
	if err != nil {
		return answered(err)
	}
	size, err := e.write(e.evidence, func(w io.Writer) error {
		return recorder.Write(ctx, w, e.from.genesis, reads)
	})
	if err != nil {
		return &exitError{code: exitUnknown, err: fmt.Errorf("write the evidence: %w", err)}
	}
	recomputable := report.Attested == 0 && !report.Incomplete
	first, last := recorder.Heights()
	e.result.Evidence = &exportedFile{File: e.evidence, Bytes: size, Blocks: last - first + 1, Recomputable: &recomputable}
	say(e.out, "evidence of job %s: %s, %d bytes, blocks %d to %d", e.job, e.evidence, size, first, last)
	if !recomputable {
		say(e.out, "not all updates are in it: averages rest on a quorum's word")
	}
	if report.First != nil {
		return &exitError{code: exitNo, err: fmt.Errorf("the evidence is written, and it is evidence of something wrong: %w", report.First)}
	}
	say(e.out, "check it anywhere: librum verify %s --genesis %s", e.evidence, ledger.Hash(e.from.genesis))
	return nil
}

// write writes a file that is there whole or not at all.
func (e *export) write(path string, fill func(io.Writer) error) (size int64, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".librum-export-*")
	if err != nil {
		return 0, err
	}
	err = fill(file)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		size, err = file.Seek(0, io.SeekEnd)
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return 0, errors.Join(err, os.Remove(file.Name()))
	}
	return size, nil
}
