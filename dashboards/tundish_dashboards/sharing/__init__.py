"""The enterprise's page of what the bureau and the public see of it, with its consents."""
