package identity

// The roles a member may have on the ledger.
const (
	RoleMember   = "member"   // may submit jobs, hold and transfer tokens
	RolePeer     = "peer"     // may take part in training
	RoleOperator = "operator" // runs a node
	RoleOfficer  = "officer"  // approves members
	RoleAuditor  = "auditor"  // may read all that a role can bind
	RoleNode     = "node"     // a ledger machine of an organisation, signs as coordinator and attester
)

// Status is a member's standing.
type Status string

// The standings of a member.
const (
	StatusActive  Status = "active"
	StatusFrozen  Status = "frozen"
	StatusRevoked Status = "revoked"
)
