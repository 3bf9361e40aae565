"""A person's own page: sessions, second factor, passkeys, password, invitations."""
