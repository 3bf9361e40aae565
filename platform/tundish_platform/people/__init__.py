"""People beside their passwords: members, invitations, keys, second factors, passkeys, identity providers."""
