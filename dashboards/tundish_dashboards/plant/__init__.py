"""The plant's page: line state, trends, predictions with evidence, completeness, app outputs."""
