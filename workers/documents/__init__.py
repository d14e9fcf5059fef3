"""Documents that people hold in their hands: read from the departments' views, printed as PDF and as HTML."""
