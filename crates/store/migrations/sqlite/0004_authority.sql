-- What ends an authority is found at the moment of effect.

-- Each membership of a person has a number of its own, which the person's tokens carry: removing a member ends the tokens of
-- that organisation, and nothing else of the person.
ALTER TABLE memberships ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN memberships_begun BIGINT NOT NULL DEFAULT 0;

-- The Admin who made an invitation: it works only while this person is an Admin. NULL if an operator made it.
ALTER TABLE invitations ADD COLUMN inviter_id TEXT;
UPDATE invitations SET inviter_id = (SELECT u.id FROM users u WHERE u.email = invitations.created_by);
CREATE INDEX invitations_by_inviter ON invitations (inviter_id);

-- The session in which a device was approved: when it ends first, the device gets nothing.
ALTER TABLE device_authorizations ADD COLUMN session_id TEXT;

-- REPLACE would take an entry away without a word to audit_events_never_go.
CREATE TRIGGER audit_events_never_replaced BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events a WHERE a.chain = NEW.chain AND a.sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
