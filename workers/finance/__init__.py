"""Finance (财务部门): price, terms, risk and credit review; payments; vouchers, invoices and settlement."""
