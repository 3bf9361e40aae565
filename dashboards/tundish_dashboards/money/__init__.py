"""Pages of money: a subscription's life, statements, invoices for the operator, vouchers for the bureau."""
