package provenance

import (
	"encoding/json"
	"fmt"

	"github.com/librum/librum/chain/ledger"
)

// The names of things in a PROV document, all in the namespace urn:librum:.
const (
	space      = "librum"
	namespace  = "urn:librum:"
	typeKey    = "prov:type"
	labelKey   = "prov:label"
	qualified  = "prov:QUALIFIED_NAME"
	collection = "prov:Collection"
)

// attributes are what a PROV record says.
type attributes map[string]any

// document is a PROV-JSON document.
type document struct {
	Prefix            map[string]string     `json:"prefix"`
	Entity            map[string]attributes `json:"entity"`
	Activity          map[string]attributes `json:"activity"`
	Agent             map[string]attributes `json:"agent"`
	Used              map[string]attributes `json:"used,omitempty"`
	WasGeneratedBy    map[string]attributes `json:"wasGeneratedBy,omitempty"`
	WasAttributedTo   map[string]attributes `json:"wasAttributedTo,omitempty"`
	WasAssociatedWith map[string]attributes `json:"wasAssociatedWith,omitempty"`
	WasDerivedFrom    map[string]attributes `json:"wasDerivedFrom,omitempty"`
	HadMember         map[string]attributes `json:"hadMember,omitempty"`
}

// PROV returns the line as W3C PROV-JSON: models, sets of updates and updates are
// entities, rounds activities, peers, nodes and the job's creator agents.
func (l *Line) PROV() ([]byte, error) {
	d := document{
		Prefix: map[string]string{space: namespace}, Entity: map[string]attributes{}, Activity: map[string]attributes{}, Agent: map[string]attributes{},
		Used: map[string]attributes{}, WasGeneratedBy: map[string]attributes{}, WasAttributedTo: map[string]attributes{},
		WasAssociatedWith: map[string]attributes{}, WasDerivedFrom: map[string]attributes{}, HadMember: map[string]attributes{},
	}
	spec, err := json.Marshal(l.Spec)
	if err != nil {
		return nil, fmt.Errorf("write the job's spec: %w", err)
	}
	job := name("job", l.Job)
	d.Entity[job] = attributes{typeKey: kind("prov:Plan"), labelKey: "job " + l.Job.Short(), space + ":spec": string(spec), space + ":chain": l.Chain.String()}
	creator := d.agent("member", l.Creator, "prov:Person")
	relate(d.WasAttributedTo, attributes{"prov:entity": job, "prov:agent": creator})
	for i := range l.Rounds {
		d.round(l, &l.Rounds[i], job)
	}
	d.updates(l)
	if !l.Card.IsZero() {
		last := l.Rounds[len(l.Rounds)-1]
		card := d.file("card", l.Card, "model card")
		relate(d.WasDerivedFrom, attributes{"prov:generatedEntity": card, "prov:usedEntity": name("model", last.Model)})
	}
	return encode(d)
}

func (d *document) round(l *Line, r *Round, job string) {
	input := d.file("model", r.Input, fmt.Sprintf("model, version %d", r.Number-1))
	model := d.file("model", r.Model, fmt.Sprintf("model, version %d", r.Number))
	set := name("set", r.Set)
	d.Entity[set] = attributes{typeKey: kind(collection), labelKey: fmt.Sprintf("updates of round %d", r.Number), space + ":count": r.Count}
	round := fmt.Sprintf("%s:round-%s-%d", space, l.Job, r.Number)
	did := attributes{
		"prov:startTime": rfc3339(r.Opened), "prov:endTime": rfc3339(r.Ended), labelKey: fmt.Sprintf("round %d", r.Number),
		space + ":strategy": l.Spec.Strategy.Name,
	}
	for metric, value := range r.ClaimedMetrics {
		did[space+":claimed_"+metric] = value
	}
	d.Activity[round] = did
	relate(d.Used, attributes{"prov:activity": round, "prov:entity": input})
	relate(d.Used, attributes{"prov:activity": round, "prov:entity": set})
	relate(d.WasGeneratedBy, attributes{"prov:entity": model, "prov:activity": round, "prov:time": rfc3339(r.Ended)})
	relate(d.WasDerivedFrom, attributes{"prov:generatedEntity": model, "prov:usedEntity": input, "prov:activity": round})
	relate(d.WasDerivedFrom, attributes{"prov:generatedEntity": model, "prov:usedEntity": set, "prov:activity": round})
	if !r.State.IsZero() {
		state := d.file("state", r.State, fmt.Sprintf("what the server remembers after round %d", r.Number))
		relate(d.WasGeneratedBy, attributes{"prov:entity": state, "prov:activity": round, "prov:time": rfc3339(r.Ended)})
	}
	node := d.agent("node", r.Committed, "prov:SoftwareAgent")
	relate(d.WasAssociatedWith, attributes{"prov:activity": round, "prov:agent": node, "prov:plan": job, "prov:role": "committed"})
}

// updates are those of the last round, and who attested it.
func (d *document) updates(l *Line) {
	last := l.Rounds[len(l.Rounds)-1]
	set := name("set", last.Set)
	for _, u := range l.Updates {
		update := d.file("update", u.Digest, "update of peer "+u.Peer.Short())
		d.Entity[update][space+":claimed_examples"] = u.ClaimedExamples
		peer := d.agent("peer", u.Peer, "prov:Organization")
		relate(d.HadMember, attributes{"prov:collection": set, "prov:entity": update})
		relate(d.WasAttributedTo, attributes{"prov:entity": update, "prov:agent": peer})
	}
	round := fmt.Sprintf("%s:round-%s-%d", space, l.Job, last.Number)
	for _, n := range l.Agreed {
		node := d.agent("node", n, "prov:SoftwareAgent")
		relate(d.WasAssociatedWith, attributes{"prov:activity": round, "prov:agent": node, "prov:role": "attested"})
	}
}

// file adds an entity with a digest, unless it is there.
func (d *document) file(what string, digest ledger.Digest, label string) string {
	id := name(what, digest)
	if _, known := d.Entity[id]; !known {
		d.Entity[id] = attributes{typeKey: kind(space + ":" + what), labelKey: label, space + ":sha256": digest.String()}
	}
	return id
}

func (d *document) agent(what string, id ledger.ID, class string) string {
	name := space + ":" + what + "-" + id.String()
	d.Agent[name] = attributes{typeKey: kind(class), labelKey: what + " " + id.Short()}
	return name
}

// relate adds a relation under a blank name.
func relate(relations map[string]attributes, r attributes) {
	relations[fmt.Sprintf("_:r%06d", len(relations)+1)] = r
}

func name(what string, digest ledger.Digest) string {
	return space + ":" + what + "-" + digest.String()
}

// kind is a type from PROV's own vocabulary.
func kind(class string) any { return map[string]string{"$": class, "type": qualified} }

// encode writes JSON whose maps are in the order of their keys.
func encode(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the provenance: %w", err)
	}
	return append(b, '\n'), nil
}
