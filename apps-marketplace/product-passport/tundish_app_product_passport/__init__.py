"""产品护照与追溯: passports that a customer verifies offline, traces, recall lists."""
