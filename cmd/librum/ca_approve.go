package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/librum/librum/api/v1"
	"github.com/librum/librum/chain/ca"
	"github.com/librum/librum/chain/cert"
	"github.com/librum/librum/chain/contract"
	members "github.com/librum/librum/chain/contract/identity"
	"github.com/librum/librum/chain/identity"
	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/client"
)

// approveBatch is how many enrolments are submitted at once: few enough to be
// executed before the door's longest wait has passed, on a small machine.
const approveBatch = 1_024

type caApproveOptions struct {
	*caFlags

	officer *actorFlags
	all     bool
	days    int
}

func newCAApproveCommand(f *caFlags) *cobra.Command {
	o := &caApproveOptions{caFlags: f}
	cmd := &cobra.Command{
		Use:   "approve ID…",
		Short: "Enrol on the ledger as an officer, and certify",
		Long: `Approve what waits in the register. The officer's key signs the enrolment of each
member here; a node orders and executes it; then the authority certifies. Nodes
must be on the ledger already. Once the ledger lists authorities of the
organisation (librum gov propose add-ca), those alone certify. What was begun and broken off is gone on with:
whom the ledger has enrolled with this key is not enrolled again.`,
		Example: "  librum ca approve 7c1e… --officer officer-key\n  librum ca approve --all --officer officer-key --days 90",
		Args: func(_ *cobra.Command, args []string) error {
			if o.all == (len(args) > 0) {
				return wrongUse(errors.New("give the ids to approve, or --all"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs(args)
			if err != nil {
				return err
			}
			return o.with(func(office *ca.Office) error { return o.run(cmd, office, ids) })
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.all, "all", false, "approve all that are pending")
	flags.IntVar(&o.days, "days", 365, "days for which certificates hold")
	o.officer = addActorFlags(cmd, f.serverFlags, "officer", "the officer who approves")
	return cmd
}

// approval is a line of what the command prints.
type approval struct {
	ID          ledger.ID     `json:"id"`
	Transaction ledger.Digest `json:"transaction,omitzero"`
	Certificate string        `json:"certificate,omitempty"`
	Error       string        `json:"error,omitempty"`
}

func (o *caApproveOptions) run(cmd *cobra.Command, office *ca.Office, ids []ledger.ID) error {
	if o.days < 1 || o.days > 3650 {
		return wrongUse(errors.New("--days is 1 to 3650"))
	}
	records, err := pending(office, ids, o.all)
	if err != nil {
		return refusedByOffice(err)
	}
	authority, officer, err := o.begin(cmd.Context(), office, o.officer)
	if err != nil {
		return err
	}
	defer officer.client.Close()
	if err := officer.mayCertify(cmd.Context(), office, cmd.ErrOrStderr()); err != nil {
		return err
	}
	approver := approver{office: office, authority: authority, officer: officer, life: days(o.days)}
	out, err := approver.approve(cmd.Context(), records, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if o.json {
		err = printJSON(cmd.OutOrStdout(), out)
	} else {
		showApprovals(cmd.OutOrStdout(), out.Approvals, out.Approved)
	}
	if err == nil && out.Refused > 0 {
		return &exitError{code: exitNo, err: fmt.Errorf("%d of %d were refused", out.Refused, len(records))}
	}
	return err
}

// approvals is what the command prints.
type approvals struct {
	Approved  int        `json:"approved"`
	Refused   int        `json:"refused"`
	Approvals []approval `json:"approvals"`
}

// approver is an officer at work in an office.
type approver struct {
	office    *ca.Office
	authority *cert.Authority
	officer   *actor
	life      time.Duration // of certificates
}

// approve works through the records in batches; what is done stays done.
func (a *approver) approve(ctx context.Context, records []*ca.Record, progress io.Writer) (*approvals, error) {
	out := &approvals{Approvals: []approval{}}
	for batch := range slices.Chunk(records, approveBatch) {
		lines, approved, err := a.batch(ctx, batch)
		if err != nil {
			return nil, fmt.Errorf("after %d approvals: %w", out.Approved, err)
		}
		out.Approvals, out.Approved = append(out.Approvals, lines...), out.Approved+approved
		if len(records) > approveBatch {
			say(progress, "%d of %d approved", out.Approved, len(records))
		}
	}
	out.Refused = len(records) - out.Approved
	return out, nil
}

func showApprovals(w io.Writer, all []approval, approved int) {
	for i, a := range all {
		switch {
		case a.Error != "":
			say(w, "%s refused: %s", a.ID, a.Error)
		case len(all) <= 20 || i < 5:
			say(w, "%s approved, certificate in %s", a.ID, a.Certificate)
		}
	}
	say(w, "approved: %d", approved)
}

// pending returns the records that are to be approved.
func pending(office *ca.Office, ids []ledger.ID, all bool) ([]*ca.Record, error) {
	var records []*ca.Record
	if all {
		for _, r := range office.Records() {
			if r.Status == ca.StatusPending {
				records = append(records, r)
			}
		}
		return records, nil
	}
	for _, id := range ids {
		r, err := office.Record(id)
		if err == nil && r.Status != ca.StatusPending {
			err = fmt.Errorf("%w: %s is %s", ca.ErrStatus, id, r.Status)
		}
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// batch enrols the members among the records and certifies all that may be.
func (a *approver) batch(ctx context.Context, records []*ca.Record) ([]approval, int, error) {
	expires, err := expiry(ctx, a.officer.client)
	if err != nil {
		return nil, 0, answered(err)
	}
	var signed [][]byte
	for _, r := range records {
		if r.Kind != cert.KindMember {
			continue
		}
		args, err := a.office.Enrolment(r)
		if err != nil {
			return nil, 0, err
		}
		raw, err := a.officer.caller.Call(members.Name, members.MethodEnrol, args, expires)
		if err != nil {
			return nil, 0, err
		}
		signed = append(signed, raw)
	}
	var outcomes []v1.Outcome
	if len(signed) > 0 {
		if outcomes, err = a.officer.client.SubmitBatch(ctx, signed, client.Executed); err != nil {
			return nil, 0, answered(err)
		}
	}
	lines := make([]approval, len(records))
	var yes []ca.Approval
	for i, r := range records {
		granted := ca.Approval{ID: r.ID, Officer: a.officer.caller.Sender}
		lines[i].ID = r.ID
		var refusal string
		var err error
		if r.Kind == cert.KindMember {
			refusal, err = a.officer.enrolled(ctx, a.office, r, outcomes[0])
			granted.Transaction, outcomes = outcomes[0].ID, outcomes[1:]
		} else {
			refusal, err = a.officer.vouched(ctx, a.office, r)
		}
		if err != nil {
			return nil, 0, err
		}
		if lines[i].Error = refusal; refusal == "" {
			lines[i].Transaction, lines[i].Certificate = granted.Transaction, a.office.CertificatePath(r.ID)
			yes = append(yes, granted)
		}
	}
	if _, err := a.office.Approve(a.authority, yes, a.life, time.Now()); err != nil {
		return nil, 0, err
	}
	return lines, len(yes), nil
}

// enrolled says why a member is not on the ledger, empty where it is. One that
// an earlier, broken off approval has enrolled is there already.
func (a *actor) enrolled(ctx context.Context, office *ca.Office, r *ca.Record, outcome v1.Outcome) (string, error) {
	if outcome.Code == ledger.CodeOK {
		return "", nil
	}
	refusal := fmt.Sprintf("%s: %s", outcome.Code, outcome.Detail)
	if outcome.Code != contract.CodeExists {
		return refusal, nil
	}
	m, err := a.standing(ctx, r.ID)
	if err != nil || !holds(m, r.Key) || m.Organisation != office.Settings.Organisation {
		return refusal, err
	}
	return "", nil
}

// vouched says why a node may not be certified: it must be one on the ledger
// with that key. Servers stand there nowhere.
func (a *actor) vouched(ctx context.Context, office *ca.Office, r *ca.Record) (string, error) {
	if r.Kind == cert.KindServer {
		return "", nil
	}
	m, err := a.standing(ctx, r.ID)
	if err != nil {
		return "", err
	}
	if !holds(m, r.Key) || !slices.Contains(m.Roles, identity.RoleNode) || m.Organisation != office.Settings.Organisation {
		return "the ledger has no node of this organisation with that id and key", nil
	}
	return "", nil
}
