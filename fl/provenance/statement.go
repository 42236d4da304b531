package provenance

import (
	"fmt"

	"github.com/librum/librum/chain/ledger"
	"github.com/librum/librum/fl/job"
)

// Types of an in-toto statement and of its predicate. BuildType names what the
// parameters of a build are: docs/formats.md.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	BuildType     = "urn:librum:federated-training:v1"
)

type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

// resource is a ResourceDescriptor.
type resource struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest"`
	MediaType   string            `json:"mediaType,omitempty"`
	Annotations map[string]any    `json:"annotations,omitempty"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      runDetails      `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string             `json:"buildType"`
	ExternalParameters   externalParameters `json:"externalParameters"`
	ResolvedDependencies []resource         `json:"resolvedDependencies"`
}

type externalParameters struct {
	Job     string   `json:"job"`
	Version uint64   `json:"version"`
	Creator string   `json:"creator"`
	Spec    job.Spec `json:"spec"`
}

type runDetails struct {
	Builder    builder       `json:"builder"`
	Metadata   buildMetadata `json:"metadata"`
	Byproducts []resource    `json:"byproducts,omitempty"`
}

type builder struct {
	ID string `json:"id"` // the chain, whose nodes recompute what is built
}

type buildMetadata struct {
	InvocationID string `json:"invocationId"`
	StartedOn    string `json:"startedOn"`
	FinishedOn   string `json:"finishedOn"`
}

const mediaSafetensors = "application/vnd.safetensors"

// Statement returns the line as an in-toto statement about the version's file:
// what went into the last round are its dependencies, the models before it too.
func (l *Line) Statement() ([]byte, error) {
	first, last := l.Rounds[0], l.Rounds[len(l.Rounds)-1]
	s := statement{
		Type: StatementType, PredicateType: PredicateType,
		Subject: []resource{{
			Name: fmt.Sprintf("%s-%d.safetensors", l.Job.Short(), last.Number), Digest: sha256(last.Model), MediaType: mediaSafetensors,
		}},
		Predicate: predicate{
			BuildDefinition: buildDefinition{
				BuildType: BuildType, ExternalParameters: externalParameters{Job: l.Job.String(), Version: last.Number, Creator: l.Creator.String(), Spec: l.Spec},
			},
			RunDetails: runDetails{
				Builder: builder{ID: namespace + "chain:" + l.Chain.String()},
				Metadata: buildMetadata{
					InvocationID: fmt.Sprintf("%sjob:%s:round:%d", namespace, l.Job, last.Number), StartedOn: rfc3339(first.Opened), FinishedOn: rfc3339(last.Ended),
				},
			},
		},
	}
	build, run := &s.Predicate.BuildDefinition, &s.Predicate.RunDetails
	for _, r := range l.Rounds {
		build.ResolvedDependencies = append(build.ResolvedDependencies, resource{
			Name: fmt.Sprintf("model, version %d", r.Number-1), Digest: sha256(r.Input), MediaType: mediaSafetensors,
		})
	}
	for _, u := range l.Updates {
		build.ResolvedDependencies = append(build.ResolvedDependencies, resource{
			Name: "update of peer " + u.Peer.String(), Digest: sha256(u.Digest), MediaType: mediaSafetensors,
			Annotations: map[string]any{"peer": u.Peer.String(), "claimed_examples": u.ClaimedExamples},
		})
	}
	if !last.State.IsZero() {
		run.Byproducts = append(run.Byproducts, resource{Name: "what the server remembers", Digest: sha256(last.State)})
	}
	if !l.Card.IsZero() {
		run.Byproducts = append(run.Byproducts, resource{Name: "model card", Digest: sha256(l.Card), MediaType: "application/json"})
	}
	return encode(s)
}

func sha256(d ledger.Digest) map[string]string { return map[string]string{"sha256": d.String()} }
