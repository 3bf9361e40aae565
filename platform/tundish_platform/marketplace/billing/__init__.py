"""Money: usage from runs, monthly statements, vouchers, invoices; every amount in whole fen."""
