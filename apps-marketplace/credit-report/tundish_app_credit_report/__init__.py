"""经营信用报告: a summary of operation that an enterprise may show to a bank, and take back."""
