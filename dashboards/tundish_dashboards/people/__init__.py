"""The people of an enterprise, as its owners see and change them: members, invitations, keys."""
