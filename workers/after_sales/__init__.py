"""After-sales (售后): receipt (确认收货), satisfaction questionnaire (满意度问卷), archive, customer profiles."""
