package caracal.policy

import rego.v1

default allow := false

agents := {"payout", "research"}

allow if {
	input.application.name in agents
	every s in input.scopes { endswith(s, ":read") }
	not blocked
	path := input.request.path
	not startswith(path, "/admin")
}

blocked if input.resource.name == "vault"

deny contains msg if {
	not input.zone in {"acme", "test"}
	msg := sprintf("zone %s is closed", [input.zone])
}

max_lifetime := 60 if input.operation.method != "GET"
else := 300

scopes contains s if {
	some s in input.scopes
	regex.match(`^accounts:\w+$`, s)
}
