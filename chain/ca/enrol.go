package ca

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sync/errgroup"

	"github.com/librum/librum/chain/cert"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/internal/durable"
)

// Applicant is who asks to be a member, or what is to have a certificate.
type Applicant struct {
	Kind      cert.Kind
	Name      string
	Roles     []string // of members
	Request   []byte   // PEM
	Documents []Document
	Expiry    time.Time // on the ledger; zero for none
}

// sealers is how many documents are encrypted at once: most of the time goes
// by waiting for the disk.
const sealers = 32

// Enrol takes applicants into the register, all or none; they wait for an
// officer then. Random must be safe for concurrent use.
func (o *Office) Enrol(ctx context.Context, applicants []Applicant, now time.Time, random io.Reader) ([]*Record, error) {
	records := make([]*Record, len(applicants))
	ids, keys := map[ledger.ID]bool{}, map[ledger.Digest]bool{}
	for i := range applicants {
		record, err := o.check(&applicants[i], now, random)
		if err == nil && (ids[record.ID] || keys[record.Key]) {
			err = fmt.Errorf("%w: the id or the key is another applicant's", ErrExists)
		}
		if err != nil {
			return nil, fmt.Errorf("applicant %d: %w", i+1, err)
		}
		ids[record.ID], keys[record.Key] = true, true
		records[i] = record
	}
	recipient, err := age.ParseX25519Recipient(o.Settings.Recipient)
	if err != nil {
		return nil, fmt.Errorf("read the recipient of evidence: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(sealers)
	for i, record := range records {
		group.Go(func() error {
			for n := range applicants[i].Documents {
				if err := ctx.Err(); err != nil {
					return err
				}
				e, err := o.seal(recipient, record.ID, n, &applicants[i].Documents[n], random)
				if err != nil {
					return fmt.Errorf("applicant %d: %w", i+1, err)
				}
				record.Evidence = append(record.Evidence, e)
			}
			return nil
		})
	}
	err = group.Wait()
	if err == nil {
		err = durable.SyncDir(vfs.Default, o.dir.evidenceFolder())
	}
	if err == nil {
		err = o.register.save(records...)
	}
	if err != nil { // evidence of nobody in the register is nobody's to keep
		return nil, errors.Join(err, o.drop(applicants, records))
	}
	return records, nil
}

// drop removes what was sealed for applicants who were not taken.
func (o *Office) drop(applicants []Applicant, records []*Record) error {
	var errs []error
	for i, record := range records {
		for n := range applicants[i].Documents {
			if err := os.Remove(o.dir.sealed(record.ID, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// check reads an applicant's request and returns the record to be.
func (o *Office) check(a *Applicant, now time.Time, random io.Reader) (*Record, error) {
	request, err := cert.ParseRequest(a.Request, a.Kind, o.Settings.Chain, o.Settings.Shard, o.Settings.Organisation)
	if err != nil {
		return nil, err
	}
	id := request.ID
	if a.Kind == cert.KindServer {
		if _, err := io.ReadFull(random, id[:]); err != nil {
			return nil, fmt.Errorf("draw an id: %w", err)
		}
	}
	if _, known := o.register.records[id]; known {
		return nil, fmt.Errorf("%w: id %s is in the register; librum ca rotate member renews a certificate", ErrExists, id)
	}
	if owner, known := o.register.keys[request.Key.ID()]; known {
		return nil, fmt.Errorf("%w: the key is that of %s", ErrExists, owner)
	}
	if err := errors.Join(checkText("name", a.Name, MaxNameBytes), checkMember(a)); err != nil {
		return nil, err
	}
	if !a.Expiry.IsZero() && !a.Expiry.After(now) {
		return nil, fmt.Errorf("expiry: %s has passed", a.Expiry.Format(time.RFC3339))
	}
	return &Record{
		ID: id, Kind: a.Kind, Name: a.Name, Roles: a.Roles, Request: string(a.Request), Key: request.Key.ID(),
		Expiry: a.Expiry, Status: StatusPending, Enrolled: now, asked: request,
	}, nil
}

// checkMember wants of a member what the ledger will want, and of others
// nothing of it.
func checkMember(a *Applicant) error {
	if a.Kind != cert.KindMember {
		if len(a.Roles)+len(a.Documents) > 0 || !a.Expiry.IsZero() {
			return fmt.Errorf("a %s has neither roles nor evidence nor an expiry", a.Kind)
		}
		return nil
	}
	if len(a.Documents) == 0 || len(a.Documents) > members.MaxEvidence {
		return fmt.Errorf("a member is enrolled on 1 to %d documents that show who it is, there are %d; give each with --evidence FILE",
			members.MaxEvidence, len(a.Documents))
	}
	slices.Sort(a.Roles)
	if len(a.Roles) == 0 || len(slices.Compact(slices.Clone(a.Roles))) != len(a.Roles) {
		return fmt.Errorf("a member has some of the roles %v, each once; give them with --role", members.EnrolRoles())
	}
	for _, role := range a.Roles {
		if !slices.Contains(members.EnrolRoles(), role) {
			return fmt.Errorf("roles: %.40q is none of %v", role, members.EnrolRoles())
		}
	}
	return nil
}

// Record returns the record with the id.
func (o *Office) Record(id ledger.ID) (*Record, error) {
	record, ok := o.register.records[id]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoRecord, id)
	}
	return record, nil
}

// Records returns all records in the order in which they came.
func (o *Office) Records() []*Record {
	all := make([]*Record, len(o.register.order))
	for i, id := range o.register.order {
		all[i] = o.register.records[id]
	}
	return all
}

// request reads a record's request, once.
func (o *Office) request(record *Record) (*cert.Request, error) {
	if record.asked != nil {
		return record.asked, nil
	}
	request, err := cert.ParseRequest([]byte(record.Request), record.Kind, o.Settings.Chain, o.Settings.Shard, o.Settings.Organisation)
	record.asked = request
	return request, err
}

// Enrolment returns the arguments by which an officer enrols the record's
// member on the ledger (invariant 1).
func (o *Office) Enrolment(record *Record) (*members.Enrol, error) {
	request, err := o.request(record)
	if err != nil {
		return nil, err
	}
	a := &members.Enrol{
		Member: record.ID, Roles: record.Roles, Keys: []ledger.PublicKey{request.Key}, Proofs: []members.Proof{request.Proof},
	}
	for _, e := range record.Evidence {
		a.Evidence = append(a.Evidence, e.Digest)
	}
	if !record.Expiry.IsZero() {
		a.Expiry = record.Expiry.UnixMilli()
	}
	return a, nil
}

// PublicKey returns the key that a record's request asks for.
func (o *Office) PublicKey(record *Record) (ledger.PublicKey, error) {
	request, err := o.request(record)
	if err != nil {
		return ledger.PublicKey{}, err
	}
	return request.Key, nil
}
