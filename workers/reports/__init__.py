"""Reports: what stands in the books, put together for people, and written to files that a spreadsheet opens."""
