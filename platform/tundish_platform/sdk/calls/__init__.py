"""The client's methods by area; `tundish_platform.sdk.client.Client` has them all."""
