package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Bounds of a file of applicants.
const (
	maxApplicants     = 100_000
	maxApplicantBytes = 256 << 10
)

type caEnrollOptions struct {
	*caFlags

	from     string
	kind     string
	name     string
	roles    []string
	evidence []string
	days     int
}

func newCAEnrollCommand(f *caFlags) *cobra.Command {
	o := &caEnrollOptions{caFlags: f}
	cmd := &cobra.Command{
		Use:   "enroll REQUEST",
		Short: "Take a request into the register, with the evidence for it",
		Long: `Take a request into the register, as librum identity request makes it. It shows
that its key is held. Evidence is encrypted at once; what was given is not
changed. An officer approves afterwards.

With --from FILE many are taken, all or none. Each line is an object with
request (PEM), name, roles, evidence (paths below the file's folder) and, if
the member is to expire, expiry (RFC 3339).`,
		Example: "  librum ca enroll request.pem --name 'Erika Mustermann' --role member --evidence passport.pdf\n" +
			"  librum ca enroll server.csr --kind server\n" +
			"  librum ca enroll --from applicants.jsonl",
		Args: func(_ *cobra.Command, args []string) error {
			if (o.from == "") == (len(args) == 0) || len(args) > 1 {
				return wrongUse(errors.New("name one file with a request, or a file of many by --from"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.from, "from", "", "file of many applicants, a JSON object a line")
	flags.StringVar(&o.kind, "kind", string(cert.KindMember), "what the request is for: member, node or server (of TLS)")
	flags.StringVar(&o.name, "name", "", "whose request it is; stays in the register")
	flags.StringArrayVar(&o.roles, "role", nil, "role on the ledger: auditor, member, operator or peer; may be repeated")
	flags.StringArrayVar(&o.evidence, "evidence", nil, "file with evidence; may be repeated")
	flags.IntVar(&o.days, "expires-in", 0, "days until the member expires on the ledger, 0 for never")
	return cmd
}

// enrolled is what the command prints.
type enrolled struct {
	Enrolled int         `json:"enrolled"`
	IDs      []ledger.ID `json:"ids"`
}

func (o *caEnrollOptions) run(cmd *cobra.Command, args []string) error {
	var applicants []ca.Applicant
	var err error
	if o.from != "" {
		applicants, err = readApplicants(o.from)
	} else {
		applicants, err = o.applicant(args[0])
	}
	if err != nil {
		return wrongUse(err)
	}
	return o.with(func(office *ca.Office) error {
		records, err := office.Enrol(cmd.Context(), applicants, time.Now(), rand.Reader)
		if err != nil {
			return err
		}
		out := enrolled{Enrolled: len(records)}
		for _, r := range records {
			out.IDs = append(out.IDs, r.ID)
			if !o.json && len(records) <= 20 {
				say(cmd.OutOrStdout(), "%s is pending; an officer approves with librum ca approve %s", r.ID, r.ID)
			}
		}
		if o.json {
			return printJSON(cmd.OutOrStdout(), out)
		}
		say(cmd.OutOrStdout(), "enrolled: %d", len(records))
		return nil
	})
}

// applicant is the one that the flags describe.
func (o *caEnrollOptions) applicant(path string) ([]ca.Applicant, error) {
	request, err := durable.ReadFile(path, cert.MaxRequestBytes)
	if err != nil {
		return nil, err
	}
	a := ca.Applicant{Kind: cert.Kind(o.kind), Name: o.name, Roles: o.roles, Request: request}
	if o.days > 0 {
		a.Expiry = time.Now().Add(days(o.days)).UTC()
	}
	for _, path := range o.evidence {
		content, err := durable.ReadFile(path, ca.MaxEvidenceBytes)
		if err != nil {
			return nil, fmt.Errorf("--evidence: %w", err)
		}
		a.Documents = append(a.Documents, ca.Document{Name: filepath.Base(path), Content: content})
	}
	return []ca.Applicant{a}, nil
}

// readApplicants reads a file of many. Their evidence lies below its folder:
// neither .. nor a symbolic link leads out of it.
func readApplicants(path string) (_ []ca.Applicant, err error) {
	file, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	folder, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	var all []ca.Applicant
	lines := bufio.NewReaderSize(file, maxApplicantBytes)
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			a, wrong := readApplicant(folder, line)
			if wrong != nil {
				return nil, fmt.Errorf("%s: line %d: %w", path, n, wrong)
			}
			if all = append(all, a); len(all) > maxApplicants {
				return nil, fmt.Errorf("%s: more than %d applicants; split the file", path, maxApplicants)
			}
		}
		if err != nil {
			break
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no applicants", path)
	}
	return all, nil
}

func readApplicant(folder *os.Root, line []byte) (ca.Applicant, error) {
	var in struct {
		Request  string    `json:"request"`
		Name     string    `json:"name"`
		Roles    []string  `json:"roles"`
		Evidence []string  `json:"evidence"`
		Expiry   time.Time `json:"expiry"`
	}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return ca.Applicant{}, err
	}
	a := ca.Applicant{Kind: cert.KindMember, Name: in.Name, Roles: in.Roles, Request: []byte(in.Request), Expiry: in.Expiry}
	for _, name := range in.Evidence {
		content, err := durable.ReadIn(folder, name, ca.MaxEvidenceBytes)
		if err != nil {
			return a, fmt.Errorf("evidence: %w", err)
		}
		a.Documents = append(a.Documents, ca.Document{Name: filepath.Base(name), Content: content})
	}
	return a, nil
}
